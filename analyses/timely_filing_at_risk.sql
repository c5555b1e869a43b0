-- Question: which charges will the payer refuse because no claim reached it in time?
-- Reading: insured charge lines with an open balance for which no claim counts as filed (none at all, or only rejected
-- or void ones), by the days left until the payer group's limit (gold.timely_filing_limits says which limits are law
-- and which an assumption to replace by your contracts). "past limit" is as good as lost; "30 days or less" is today's
-- work. Days run from the service date to the last posted day of the hospital's ledger.
with

as_of as (
    select
        hospital_key,
        as_of_date
    from {{ ref('dim_ledger_month') }}
    where is_latest
),

filed_lines as (
    select distinct transaction_key
    from {{ ref('fct_claims') }}
    where claim_status not in ('REJECTED', 'VOID')
),

unfiled_lines as (
    select
        transactions.hospital_key,
        transactions.payer_key,
        transactions.payer_group,
        transactions.charge_amount,
        transactions.balance_amount,
        transactions.service_date,
        limits.limit_days,
        limits.limit_days
        - {{ dbt.datediff('transactions.service_date', 'as_of.as_of_date', 'day') }} as remaining_days
    from {{ ref('fct_transactions') }} as transactions
    inner join {{ ref('timely_filing_limits') }} as limits on transactions.payer_group = limits.payer_group
    left join as_of on transactions.hospital_key = as_of.hospital_key
    left join filed_lines on transactions.transaction_key = filed_lines.transaction_key
    where
        filed_lines.transaction_key is null
        and limits.limit_days is not null
        and transactions.balance_amount > 0
),

banded as (
    select
        *,
        case
            when remaining_days is null then 'no service date'
            when remaining_days < 0 then 'past limit'
            when remaining_days <= 30 then '30 days or less'
            when remaining_days <= 60 then '31-60 days'
            else 'more than 60 days'
        end as time_left
    from unfiled_lines
),

final as (
    select
        hospitals.hospital_name,
        banded.payer_group,
        payers.payer_name,
        banded.limit_days,
        banded.time_left,
        count(*) as charge_lines,
        sum(banded.charge_amount) as charge_amount,
        sum(banded.balance_amount) as balance_amount,
        min(banded.service_date) as oldest_service_date,
        min(banded.remaining_days) as least_remaining_days
    from banded
    inner join {{ ref('dim_hospital') }} as hospitals on banded.hospital_key = hospitals.hospital_key
    inner join {{ ref('dim_payer') }} as payers on banded.payer_key = payers.payer_key
    group by
        hospitals.hospital_name, banded.payer_group, payers.payer_name, banded.limit_days, banded.time_left
)

select * from final
order by least_remaining_days asc, balance_amount desc, hospital_name asc, payer_name asc
