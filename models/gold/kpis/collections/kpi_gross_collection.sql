-- By cohort of service month: payments of one month over charges of the same month compare different patients.
with

cohorts as (
    select
        hospital_key,
        payer_group,
        department_key,
        cast({{ dbt.date_trunc('month', 'service_date') }} as date) as service_month_start_date,
        sum(case when money_type in {{ event_types(class='charge') }} then ar_delta_amount else 0 end) as charge_amount,
        0 - {{ cash('ar_delta_amount') }} as payment_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group, department_key, {{ dbt.date_trunc('month', 'service_date') }}
),

as_of as (
    select
        hospital_key,
        as_of_date
    from {{ ref('dim_ledger_month') }}
    where is_latest
),

final as (
    select
        {{ generate_surrogate_key([
            'cohorts.hospital_key', 'cohorts.payer_group', 'cohorts.department_key', 'cohorts.service_month_start_date'
        ]) }} as gross_collection_key,
        cohorts.hospital_key,
        cohorts.payer_group,
        cohorts.department_key,
        {{ month_key('cohorts.service_month_start_date') }} as service_month_key,
        cohorts.service_month_start_date,
        as_of.as_of_date,
        {{ is_mature_cohort('cohorts.service_month_start_date', 'as_of.as_of_date') }} as is_mature,
        cast(cohorts.charge_amount as decimal(18, 2)) as charge_amount,
        cast(cohorts.payment_amount as decimal(18, 2)) as payment_amount,
        {{ safe_divide('cohorts.payment_amount * 100', 'cohorts.charge_amount') }} as gross_collection_pct
    from cohorts
    inner join as_of on cohorts.hospital_key = as_of.hospital_key
)

select * from final
