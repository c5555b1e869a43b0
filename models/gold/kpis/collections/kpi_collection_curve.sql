-- A cohort stands at k months only once that month is over: an immature one beside a mature one looks worse than it is.
with

payments as (
    select
        hospital_key,
        cast({{ dbt.date_trunc('month', 'service_date') }} as date) as service_month_start_date,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as post_month_start_date,
        sum(case when money_type in {{ event_types(class='charge') }} then ar_delta_amount else 0 end) as charge_amount,
        0 - {{ cash('ar_delta_amount') }} as payment_amount
    from {{ ref('fct_ar_events') }}
    group by
        hospital_key, {{ dbt.date_trunc('month', 'service_date') }}, {{ dbt.date_trunc('month', 'post_date') }}
),

cohorts as (
    select
        hospital_key,
        service_month_start_date,
        sum(charge_amount) as charge_amount
    from payments
    group by hospital_key, service_month_start_date
),

months as (
    select
        hospital_key,
        month_start_date
    from {{ ref('dim_ledger_month') }}
    where is_complete
),

aged as (
    select
        cohorts.hospital_key,
        cohorts.service_month_start_date,
        months.month_start_date as until_month_start_date,
        cohorts.charge_amount,
        (year(months.month_start_date) - year(cohorts.service_month_start_date)) * 12
        + month(months.month_start_date) - month(cohorts.service_month_start_date) as months_since_service
    from cohorts
    inner join months on cohorts.hospital_key = months.hospital_key
),

points as (
    select * from aged
    where months_since_service between 0 and 12
),

final as (
    select
        {{ generate_surrogate_key([
            'points.hospital_key', 'points.service_month_start_date', 'points.months_since_service'
        ]) }} as collection_curve_key,
        points.hospital_key,
        {{ month_key('points.service_month_start_date') }} as service_month_key,
        points.service_month_start_date,
        cast(points.months_since_service as bigint) as months_since_service,
        cast(points.charge_amount as decimal(18, 2)) as charge_amount,
        cast(coalesce(sum(payments.payment_amount), 0) as decimal(18, 2)) as payment_amount,
        {{ safe_divide('coalesce(sum(payments.payment_amount), 0) * 100', 'points.charge_amount') }} as collected_pct
    from points
    left join payments
        on
            points.hospital_key = payments.hospital_key
            and points.service_month_start_date = payments.service_month_start_date
            and points.until_month_start_date >= payments.post_month_start_date
    group by
        points.hospital_key, points.service_month_start_date, points.months_since_service, points.charge_amount
)

select * from final
