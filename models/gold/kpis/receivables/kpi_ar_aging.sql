-- Debit balances only in the share: a credit would hide the debt of another account.
with

buckets as (
    select
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        aging_bucket,
        {{ is_over_90_days('max(age_days)') }} as is_over_90_days,
        count(*) as account_count,
        sum(debit_amount) as debit_amount,
        sum(credit_amount) as credit_amount
    from {{ ref('fct_ar_snapshot_monthly') }}
    group by hospital_key, payer_group, month_key, month_end_date, as_of_date, aging_bucket
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_key', 'aging_bucket']) }} as ar_aging_key,
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        aging_bucket,
        is_over_90_days,
        account_count,
        cast(debit_amount as decimal(18, 2)) as debit_amount,
        cast(credit_amount as decimal(18, 2)) as credit_amount,
        cast(sum(debit_amount) over (partition by hospital_key, month_key) as decimal(18, 2)) as hospital_debit_amount,
        {{ safe_divide(
            'debit_amount * 100', 'sum(debit_amount) over (partition by hospital_key, month_key)'
        ) }} as debit_share_pct
    from buckets
)

select * from final
