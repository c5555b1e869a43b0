-- Invariant 12. A/R at a month end plus what was posted in the next month is A/R at its end, or money moved unposted.
with

months as (
    select
        hospital_key,
        month_key,
        as_of_date,
        lag(as_of_date) over (partition by hospital_key order by month_key) as previous_as_of_date,
        lag(month_key) over (partition by hospital_key order by month_key) as previous_month_key
    from {{ ref('dim_ledger_month') }}
),

posted as (
    select
        events.hospital_key,
        months.month_key,
        months.previous_month_key,
        sum(events.ar_delta_amount) as delta_amount
    from months
    inner join {{ ref('fct_ar_events') }} as events
        on
            months.hospital_key = events.hospital_key
            and months.as_of_date >= events.post_date
            and (months.previous_as_of_date is null or months.previous_as_of_date < events.post_date)
    group by events.hospital_key, months.month_key, months.previous_month_key
)

select
    balances.hospital_key,
    balances.month_key,
    balances.ar_amount,
    previous_balances.ar_amount as previous_ar_amount,
    posted.delta_amount
from {{ ref('kpi_days_in_ar') }} as balances
inner join months on balances.hospital_key = months.hospital_key and balances.month_key = months.month_key
left join {{ ref('kpi_days_in_ar') }} as previous_balances
    on
        balances.hospital_key = previous_balances.hospital_key
        and months.previous_month_key = previous_balances.month_key
left join posted on balances.hospital_key = posted.hospital_key and balances.month_key = posted.month_key
where balances.ar_amount <> coalesce(previous_balances.ar_amount, 0) + coalesce(posted.delta_amount, 0)
