-- Patients' money by the month in which it came; what came within a week of the service was asked for at the desk.
with

cash_events as (
    select
        hospital_key,
        department_key,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        0 - ar_delta_amount as patient_payment_amount,
        case
            when post_date <= cast({{ dbt.dateadd('day', 7, 'service_date') }} as date) then 0 - ar_delta_amount else 0
        end as point_of_service_amount
    from {{ ref('fct_ar_events') }}
    -- A correction is dated when it became known, which says nothing of the desk.
    where event_type in {{ event_types(column='patient_payment_amount') }} and not is_correction
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'department_key', 'month_start_date']) }} as point_of_service_key,
        hospital_key,
        department_key,
        {{ month_key('month_start_date') }} as month_key,
        month_start_date,
        cast(sum(point_of_service_amount) as decimal(18, 2)) as point_of_service_amount,
        cast(sum(patient_payment_amount) as decimal(18, 2)) as patient_payment_amount,
        {{ safe_divide('sum(point_of_service_amount) * 100', 'sum(patient_payment_amount)') }} as point_of_service_pct
    from cash_events
    group by hospital_key, department_key, month_start_date
)

select * from final
