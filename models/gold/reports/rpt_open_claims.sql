-- Claims open as things stand now, aged as of each month. Amounts are billed charges, more than the payer will allow.
{%- set slow_days = 45 %}

with

open_accounts as (
    {{ open_accounts(
        within_warehouse(ref('fct_ar_snapshot_monthly')), within_warehouse(ref('dim_ledger_month'))
    ) | indent(4) }}
),

open_claims as (
    select
        coalesce(months.hospital_name, hospitals.hospital_name) as hospital_name,
        months.month_key,
        -- A hospital without a ledger has no month; its claims wait all the same.
        coalesce(months.is_latest, true) as is_latest,
        months.as_of_date,
        payers.payer_name,
        claims.claim_key,
        claims.hospital_key,
        claims.payer_group,
        claims.claim_status,
        claims.claim_date,
        claims.claim_amount,
        claims.open_amount,
        cast({{ dbt.datediff('claims.claim_date', 'months.as_of_date', 'day') }} as bigint) as open_days
    from {{ within_warehouse(ref('fct_claims')) }} as claims
    inner join {{ within_warehouse(ref('dim_hospital')) }} as hospitals on claims.hospital_key = hospitals.hospital_key
    inner join {{ within_warehouse(ref('dim_payer')) }} as payers on claims.payer_key = payers.payer_key
    left join {{ within_warehouse(ref('dim_ledger_month')) }} as months on claims.hospital_key = months.hospital_key
    left join {{ within_warehouse(ref('fct_transactions')) }} as transactions
        on claims.transaction_key = transactions.transaction_key
    left join open_accounts on transactions.account_key = open_accounts.account_key
    -- Of a claim without a charge line it is not known what is owed.
    where claims.is_open and (transactions.transaction_key is null or open_accounts.account_key is not null)
),

final as (
    select
        claim_key,
        hospital_key,
        hospital_name,
        month_key,
        is_latest,
        payer_name,
        payer_group,
        claim_status,
        claim_date,
        open_days,
        case when open_days is null then 'Unknown' else {{ aging_bucket('open_days') }} end as aging_bucket,
        coalesce(open_days >= 0, false) as is_billed,
        coalesce(open_days > {{ slow_days }}, false) as is_slow,
        claim_amount,
        open_amount
    from open_claims
)

select * from final
