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
        months.hospital_key,
        months.month_key,
        sum(events.ar_delta_amount) as gpsr_amount
    from {{ ref('dim_ledger_month') }} as months
    inner join {{ ref('fct_ar_events') }} as events
        on
            months.hospital_key = events.hospital_key
            and events.post_date between months.revenue_start_date and months.revenue_end_date
    where events.money_type in {{ event_types(class='charge') }}
    group by months.hospital_key, months.month_key
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
        -- With fewer than three full months behind it, an average would be made up.
        cast(
            case when months.has_three_months_of_revenue then revenue.gpsr_amount end as decimal(18, 2)
        ) as gpsr_amount,
        months.revenue_days,
        {{ safe_divide(
            'coalesce(balances.ar_amount, 0) * months.revenue_days',
            'case when months.has_three_months_of_revenue then revenue.gpsr_amount end'
        ) }} as gross_days_in_ar
    -- From the months: one in which nothing is owed is a month too.
    from {{ ref('dim_ledger_month') }} as months
    left join balances
        on months.hospital_key = balances.hospital_key and months.month_key = balances.month_key
    left join revenue
        on months.hospital_key = revenue.hospital_key and months.month_key = revenue.month_key
)

select * from final
