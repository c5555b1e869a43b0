-- Of what payers agreed to pay, how much came in: bad debt and denials never lower the denominator. Without posted
-- contractual adjustments it would be the gross collection rate again, and is not known.
with

cohorts as (
    select
        hospital_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'service_date') }} as date) as service_month_start_date,
        sum(case when money_type in {{ event_types(class='charge') }} then ar_delta_amount else 0 end) as charge_amount,
        0 - sum(
            case
                when money_type in {{ event_types(column='contractual_adjustment_amount') }} then ar_delta_amount else 0
            end
        ) as contractual_amount,
        0 - {{ cash('ar_delta_amount') }} as payment_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group, {{ dbt.date_trunc('month', 'service_date') }}
),

-- Cohorts from before a hospital posted its contractual adjustments have none for good.
feeds as (
    select
        hospital_key,
        min({{ dbt.date_trunc('month', 'post_date') }}) as first_contractual_month
    from {{ ref('fct_ar_events') }}
    where money_type in {{ event_types(column='contractual_adjustment_amount') }}
    group by hospital_key
),

as_of as (
    select
        hospital_key,
        as_of_date
    from {{ ref('dim_ledger_month') }}
    where is_latest
),

measured as (
    select
        cohorts.hospital_key,
        cohorts.payer_group,
        cohorts.service_month_start_date,
        as_of.as_of_date,
        {{ is_mature_cohort('cohorts.service_month_start_date', 'as_of.as_of_date') }} as is_mature,
        coalesce(
            cohorts.service_month_start_date >= feeds.first_contractual_month, false
        ) as has_posted_contractuals,
        cohorts.charge_amount,
        case
            when cohorts.service_month_start_date >= feeds.first_contractual_month then cohorts.contractual_amount
        end as contractual_amount,
        cohorts.payment_amount
    from cohorts
    inner join as_of on cohorts.hospital_key = as_of.hospital_key
    left join feeds on cohorts.hospital_key = feeds.hospital_key
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'service_month_start_date']) }} as net_collection_key,
        hospital_key,
        payer_group,
        {{ month_key('service_month_start_date') }} as service_month_key,
        service_month_start_date,
        as_of_date,
        is_mature,
        has_posted_contractuals,
        cast(charge_amount as decimal(18, 2)) as charge_amount,
        cast(contractual_amount as decimal(18, 2)) as contractual_amount,
        cast(charge_amount - contractual_amount as decimal(18, 2)) as collectable_amount,
        cast(payment_amount as decimal(18, 2)) as payment_amount,
        {{ safe_divide('payment_amount * 100', 'charge_amount - contractual_amount') }} as net_collection_pct
    from measured
)

select * from final
