-- The month spine of the ledger. The last month may still run: its measures stand as of the last posted day, and its
-- average daily revenue is that of the three full months before it.
with

bounds as (
    select
        min(post_date) as first_post_date,
        max(post_date) as last_post_date
    from {{ ref('fct_ar_events') }}
),

months as (
    select
        dim_date.month_start_date,
        dim_date.month_end_date,
        min(bounds.last_post_date) as last_post_date,
        min(bounds.first_post_date) as first_post_date
    from {{ ref('dim_date') }} as dim_date
    inner join bounds
        on
            dim_date.month_end_date >= bounds.first_post_date
            and dim_date.month_start_date <= bounds.last_post_date
    group by dim_date.month_start_date, dim_date.month_end_date
),

windows as (
    select
        *,
        least(month_end_date, last_post_date) as as_of_date,
        month_end_date <= last_post_date as is_complete,
        case
            when month_end_date <= last_post_date
                then cast({{ dbt.dateadd('month', -2, 'month_start_date') }} as date)
            else cast({{ dbt.dateadd('month', -3, 'month_start_date') }} as date)
        end as revenue_start_date,
        case
            when month_end_date <= last_post_date then month_end_date
            else cast({{ dbt.dateadd('day', -1, 'month_start_date') }} as date)
        end as revenue_end_date
    from months
),

final as (
    select
        {{ month_key('month_start_date') }} as month_key,
        month_start_date,
        month_end_date,
        as_of_date,
        is_complete,
        revenue_start_date,
        revenue_end_date,
        cast({{ dbt.datediff('revenue_start_date', 'revenue_end_date', 'day') }} as bigint) + 1 as revenue_days,
        revenue_start_date
        >= cast({{ dbt.date_trunc('month', 'first_post_date') }} as date) as has_three_months_of_revenue
    from windows
)

select * from final
