-- What is given up, each kind by itself: a denial written off is a billing failure, charity a service.

with

given_up as (
    select
        hospital_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        0 - sum(
            case when money_type in {{ event_types(column='denial_write_off_amount') }} then ar_delta_amount else 0 end
        ) as denial_write_off_amount,
        0 - sum(
            case
                when money_type in {{ event_types(column='bad_debt_write_off_amount') }} then ar_delta_amount else 0
            end
        ) as bad_debt_write_off_amount,
        0 - sum(
            case
                when money_type in {{ event_types(column='charity_adjustment_amount') }} then ar_delta_amount else 0
            end
        ) as charity_adjustment_amount,
        0 - sum(
            case
                when money_type in {{ event_types(column='uninsured_discount_amount') }} then ar_delta_amount else 0
            end
        ) as uninsured_discount_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group, {{ dbt.date_trunc('month', 'post_date') }}
),

-- A hospital without the feed has no write-offs of zero: nothing is known of them, nor of those before its first month.
feeds as (
    select
        hospital_key,
        cast({{ dbt.date_trunc('month', 'min(post_date)') }} as date) as first_month_start_date
    from {{ ref('fct_adjustments') }}
    group by hospital_key
),

measured as (
    select
        revenue.hospital_key,
        revenue.payer_group,
        revenue.month_key,
        revenue.month_start_date,
        revenue.charge_amount as gpsr_amount,
        revenue.net_revenue_amount as npsr_amount,
        revenue.net_revenue_unknown_reason as npsr_unknown_reason,
        coalesce(given_up.denial_write_off_amount, 0) as denial_write_off_amount,
        coalesce(given_up.bad_debt_write_off_amount, 0) as bad_debt_amount,
        coalesce(given_up.charity_adjustment_amount, 0) as charity_amount,
        coalesce(given_up.uninsured_discount_amount, 0) as uninsured_discount_amount
    from {{ ref('fct_patient_revenue_monthly') }} as revenue
    inner join feeds
        on
            revenue.hospital_key = feeds.hospital_key
            and revenue.month_start_date >= feeds.first_month_start_date
    left join given_up
        on
            revenue.hospital_key = given_up.hospital_key
            and revenue.payer_group = given_up.payer_group
            and revenue.month_start_date = given_up.month_start_date
),

summed as (
    select
        *,
        bad_debt_amount + charity_amount + uninsured_discount_amount as uncompensated_care_amount
    from measured
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_start_date']) }} as write_off_key,
        hospital_key,
        payer_group,
        month_key,
        month_start_date,
        gpsr_amount,
        npsr_amount,
        cast(denial_write_off_amount as decimal(18, 2)) as denial_write_off_amount,
        cast(bad_debt_amount as decimal(18, 2)) as bad_debt_amount,
        cast(charity_amount as decimal(18, 2)) as charity_amount,
        cast(uninsured_discount_amount as decimal(18, 2)) as uninsured_discount_amount,
        cast(uncompensated_care_amount as decimal(18, 2)) as uncompensated_care_amount,
        {{ safe_divide('denial_write_off_amount * 100', 'npsr_amount') }} as denial_write_off_pct,
        {{ safe_divide('bad_debt_amount * 100', 'gpsr_amount') }} as bad_debt_pct,
        {{ safe_divide('charity_amount * 100', 'gpsr_amount') }} as charity_pct,
        {{ safe_divide('uninsured_discount_amount * 100', 'gpsr_amount') }} as uninsured_discount_pct,
        {{ safe_divide('uncompensated_care_amount * 100', 'gpsr_amount') }} as uncompensated_care_pct,
        npsr_unknown_reason
    from summed
)

select * from final
