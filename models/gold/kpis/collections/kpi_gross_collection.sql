-- By cohort of service month: payments of one month over charges of the same month compare different patients.
with

lines as (
    select
        hospital_key,
        transaction_key,
        cast({{ dbt.date_trunc('month', 'service_date') }} as date) as service_month_start_date,
        case when money_type = 'CHARGE' then ar_delta_amount else 0 end as charge_amount,
        case when money_type <> 'CHARGE' then -ar_delta_amount else 0 end as payment_amount
    from {{ ref('fct_ar_events') }}
),

cohorts as (
    select
        hospital_key,
        service_month_start_date,
        sum(charge_amount) as charge_amount,
        sum(payment_amount) as payment_amount
    from lines
    group by hospital_key, service_month_start_date
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
            'cohorts.hospital_key', 'cohorts.service_month_start_date'
        ]) }} as gross_collection_key,
        cohorts.hospital_key,
        {{ month_key('cohorts.service_month_start_date') }} as service_month_key,
        cohorts.service_month_start_date,
        as_of.as_of_date,
        {{ dbt.datediff(
            dbt.last_day('cohorts.service_month_start_date', 'month'), 'as_of.as_of_date', 'day'
        ) }} >= 120 as is_mature,
        cast(cohorts.charge_amount as decimal(18, 2)) as charge_amount,
        cast(cohorts.payment_amount as decimal(18, 2)) as payment_amount,
        {{ safe_divide('cohorts.payment_amount * 100', 'cohorts.charge_amount') }} as gross_collection_pct
    from cohorts
    inner join as_of on cohorts.hospital_key = as_of.hospital_key
)

select * from final
