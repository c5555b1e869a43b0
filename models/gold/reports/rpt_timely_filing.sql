-- A charge line of an insured patient with an open balance for which no claim counts as filed: none at all, or only
-- rejected or void ones. As of the last posted day of the hospital's ledger.
with

last_months as (
    select
        hospital_key,
        as_of_date
    from {{ within_warehouse(ref('dim_ledger_month')) }}
    where is_latest
),

open_accounts as (
    {{ open_accounts(
        within_warehouse(ref('fct_ar_snapshot_monthly')), within_warehouse(ref('dim_ledger_month'))
    ) | indent(4) }}
),

filed_lines as (
    select distinct transaction_key
    from {{ within_warehouse(ref('fct_claims')) }}
    where claim_status not in ('REJECTED', 'VOID')
),

unfiled_lines as (
    select
        transactions.transaction_key,
        transactions.hospital_key,
        transactions.payer_key,
        transactions.payer_group,
        transactions.charge_amount,
        transactions.balance_amount,
        transactions.service_date,
        limits.limit_days,
        cast(
            limits.limit_days
            - {{ dbt.datediff('transactions.service_date', 'last_months.as_of_date', 'day') }} as bigint
        ) as remaining_days
    from {{ within_warehouse(ref('fct_transactions')) }} as transactions
    inner join {{ within_warehouse(ref('timely_filing_limits')) }} as limits
        on transactions.payer_group = limits.payer_group
    inner join open_accounts on transactions.account_key = open_accounts.account_key
    left join last_months on transactions.hospital_key = last_months.hospital_key
    left join filed_lines on transactions.transaction_key = filed_lines.transaction_key
    where
        filed_lines.transaction_key is null
        and limits.limit_days is not null
        and transactions.balance_amount > 0
),

final as (
    select
        unfiled_lines.transaction_key,
        unfiled_lines.hospital_key,
        hospitals.hospital_name,
        unfiled_lines.payer_group,
        payers.payer_name,
        unfiled_lines.service_date,
        unfiled_lines.limit_days,
        unfiled_lines.remaining_days,
        unfiled_lines.charge_amount,
        unfiled_lines.balance_amount,
        case
            when unfiled_lines.remaining_days is null then 'no service date'
            when unfiled_lines.remaining_days < 0 then 'past limit'
            when unfiled_lines.remaining_days <= 30 then '30 days or less'
            when unfiled_lines.remaining_days <= 60 then '31-60 days'
            else 'more than 60 days'
        end as time_left
    from unfiled_lines
    inner join {{ within_warehouse(ref('dim_hospital')) }} as hospitals
        on unfiled_lines.hospital_key = hospitals.hospital_key
    inner join {{ within_warehouse(ref('dim_payer')) }} as payers on unfiled_lines.payer_key = payers.payer_key
)

select * from final
