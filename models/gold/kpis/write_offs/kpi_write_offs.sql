-- What is given up, each kind by itself: a denial written off is a billing failure, charity a service.
with

revenue as (
    select
        hospital_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        sum(case when money_type in {{ event_types(class='charge') }} then ar_delta_amount else 0 end) as gpsr_amount,
        0 - sum(
            case when money_type in {{ event_types(column='denial_write_off_amount') }} then ar_delta_amount else 0 end
        ) as denial_write_off_amount,
        0 - sum(
            case
                when money_type in {{ event_types(column='bad_debt_write_off_amount') }} then ar_delta_amount else 0
            end
        ) as bad_debt_amount,
        0 - sum(
            case
                when money_type in {{ event_types(column='charity_adjustment_amount') }} then ar_delta_amount else 0
            end
        ) as charity_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group, {{ dbt.date_trunc('month', 'post_date') }}
),

-- A hospital without the feed has no write-offs of zero: nothing is known of them.
hospitals_with_feed as (
    select distinct hospital_key
    from {{ ref('fct_adjustments') }}
),

final as (
    select
        {{ generate_surrogate_key([
            'revenue.hospital_key', 'revenue.payer_group', 'revenue.month_start_date'
        ]) }} as write_off_key,
        revenue.hospital_key,
        revenue.payer_group,
        {{ month_key('revenue.month_start_date') }} as month_key,
        revenue.month_start_date,
        cast(revenue.gpsr_amount as decimal(18, 2)) as gpsr_amount,
        cast(revenue.denial_write_off_amount as decimal(18, 2)) as denial_write_off_amount,
        cast(revenue.bad_debt_amount as decimal(18, 2)) as bad_debt_amount,
        cast(revenue.charity_amount as decimal(18, 2)) as charity_amount,
        {{ safe_divide('revenue.denial_write_off_amount * 100', 'revenue.gpsr_amount') }} as denial_write_off_pct,
        {{ safe_divide('revenue.bad_debt_amount * 100', 'revenue.gpsr_amount') }} as bad_debt_pct,
        {{ safe_divide('revenue.charity_amount * 100', 'revenue.gpsr_amount') }} as charity_pct
    from revenue
    inner join hospitals_with_feed on revenue.hospital_key = hospitals_with_feed.hospital_key
)

select * from final
