-- Months of each hospital's own ledger: another hospital's later posting must not move them. The last month may still
-- run: its measures stand as of the last posted day, and its average daily revenue is that of the three months before.
with

bounds as (
    select
        hospital_key,
        min(post_date) as first_post_date,
        max(post_date) as last_post_date
    from {{ ref('fct_ar_events') }}
    group by hospital_key
),

months as (
    select distinct
        month_start_date,
        month_end_date
    from {{ ref('dim_date') }}
    where calendar_date is not null
),

hospital_months as (
    select
        bounds.hospital_key,
        bounds.first_post_date,
        bounds.last_post_date,
        months.month_start_date,
        months.month_end_date,
        months.month_end_date <= bounds.last_post_date as is_complete
    from bounds
    inner join months
        on bounds.first_post_date <= months.month_end_date and bounds.last_post_date >= months.month_start_date
),

windows as (
    select
        *,
        least(month_end_date, last_post_date) as as_of_date,
        case
            when is_complete then cast({{ dbt.dateadd('month', -2, 'month_start_date') }} as date)
            else cast({{ dbt.dateadd('month', -3, 'month_start_date') }} as date)
        end as revenue_start_date,
        case
            when is_complete then month_end_date
            else cast({{ dbt.dateadd('day', -1, 'month_start_date') }} as date)
        end as revenue_end_date,
        max(month_start_date) over (partition by hospital_key) as last_month_start_date,
        -- Without a complete month, the one that runs is reported.
        coalesce(
            max(case when is_complete then month_start_date end) over (partition by hospital_key),
            max(month_start_date) over (partition by hospital_key)
        ) as reported_month_start_date
    from hospital_months
),

final as (
    select
        {{ generate_surrogate_key(['windows.hospital_key', 'windows.month_start_date']) }} as ledger_month_key,
        windows.hospital_key,
        hospitals.hospital_name,
        {{ month_key('windows.month_start_date') }} as month_key,
        windows.month_start_date,
        windows.month_end_date,
        windows.as_of_date,
        windows.is_complete,
        windows.month_start_date = windows.last_month_start_date as is_latest,
        windows.month_start_date = windows.reported_month_start_date as is_reported,
        windows.revenue_start_date,
        windows.revenue_end_date,
        cast({{ dbt.datediff('windows.revenue_start_date', 'windows.revenue_end_date', 'day') }} as bigint) + 1
            as revenue_days,
        windows.revenue_start_date
        >= cast({{ dbt.date_trunc('month', 'windows.first_post_date') }} as date) as has_three_months_of_revenue
    from windows
    inner join {{ ref('dim_hospital') }} as hospitals on windows.hospital_key = hospitals.hospital_key
)

select * from final
