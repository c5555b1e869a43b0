-- Whole years around the dates that occur, so that a month without an event has its days too.
with

dates as (
    select
        least(service_date, coalesce(paid_date, service_date)) as first_date,
        greatest(service_date, coalesce(paid_date, service_date)) as last_date
    from {{ ref('cdm_transactions') }}

    union all

    select
        encounter_date as first_date,
        encounter_date as last_date
    from {{ ref('cdm_encounters') }}

    union all

    select
        least(service_date, claim_date) as first_date,
        greatest(service_date, claim_date) as last_date
    from {{ ref('cdm_claims') }}

    union all

    select
        post_date as first_date,
        post_date as last_date
    from {{ ref('cdm_adjustments') }}

    union all

    -- Corrections are posted when they became known. A month that is missing here would be missing in the roll-forward.
    select
        post_date as first_date,
        post_date as last_date
    from {{ ref('fct_ar_events') }}

    union all

    select
        least(first_billed_date, status_date) as first_date,
        greatest(first_billed_date, status_date) as last_date
    from {{ ref('int_claim_status_changes') }}
),

bounds as (
    select
        min(first_date) as first_date,
        max(last_date) as last_date
    from dates
),

days as (
    {{ dbt.date_spine('day', "cast('1900-01-01' as date)", "cast('2050-01-01' as date)") }}
),

final as (
    select
        {{ date_key('days.date_day') }} as date_key,
        cast(days.date_day as date) as calendar_date,
        cast(year(days.date_day) as bigint) as calendar_year,
        cast(quarter(days.date_day) as bigint) as calendar_quarter,
        cast(month(days.date_day) as bigint) as calendar_month,
        cast({{ dbt.date_trunc('month', 'days.date_day') }} as date) as month_start_date,
        cast({{ dbt.last_day('days.date_day', 'month') }} as date) as month_end_date
    from days
    cross join bounds
    where year(days.date_day) between year(bounds.first_date) and year(bounds.last_date) + 1

    union all

    select
        cast(-2 as bigint) as date_key,
        cast(null as date) as calendar_date,
        cast(null as bigint) as calendar_year,
        cast(null as bigint) as calendar_quarter,
        cast(null as bigint) as calendar_month,
        cast(null as date) as month_start_date,
        cast(null as date) as month_end_date
)

select * from final
