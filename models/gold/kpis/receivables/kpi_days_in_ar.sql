with

balances as (
    select
        hospital_key,
        month_key,
        sum(balance_amount) as ar_amount,
        sum(debit_amount) as debit_amount,
        sum(credit_amount) as credit_amount
    from {{ ref('fct_ar_snapshot_monthly') }}
    group by hospital_key, month_key
),

revenue as (
    select
        hospital_key,
        month_key,
        sum(gpsr_amount) as gpsr_amount,
        sum(npsr_amount) as npsr_amount,
        max(gpsr_unknown_reason) as gpsr_unknown_reason,
        max(npsr_unknown_reason) as npsr_unknown_reason
    from {{ ref('fct_patient_revenue_monthly') }}
    group by hospital_key, month_key
),

final as (
    select
        {{ generate_surrogate_key(['months.hospital_key', 'months.month_key']) }} as days_in_ar_key,
        months.hospital_key,
        months.month_key,
        months.month_end_date,
        months.as_of_date,
        cast(coalesce(balances.ar_amount, 0) as decimal(18, 2)) as ar_amount,
        cast(coalesce(balances.debit_amount, 0) as decimal(18, 2)) as debit_amount,
        cast(coalesce(balances.credit_amount, 0) as decimal(18, 2)) as credit_amount,
        cast(revenue.gpsr_amount as decimal(18, 2)) as gpsr_amount,
        cast(revenue.npsr_amount as decimal(18, 2)) as npsr_amount,
        months.revenue_days,
        {{ safe_divide('coalesce(balances.ar_amount, 0) * months.revenue_days', 'revenue.gpsr_amount') }}
            as gross_days_in_ar,
        {{ safe_divide('coalesce(balances.credit_amount, 0) * months.revenue_days', 'revenue.npsr_amount') }}
            as net_credit_balance_days,
        revenue.gpsr_unknown_reason,
        revenue.npsr_unknown_reason
    -- From the months: one in which nothing is owed is a month too.
    from {{ ref('dim_ledger_month') }} as months
    left join balances
        on months.hospital_key = balances.hospital_key and months.month_key = balances.month_key
    left join revenue
        on months.hospital_key = revenue.hospital_key and months.month_key = revenue.month_key
)

select * from final
