-- Gross and net patient service revenue and cash, once for every KPI that divides by them. Net revenue is known only of
-- a hospital that posts contractual adjustments, and only from the month of the first to the last of them: without them
-- it would repeat gross revenue.
with

months as (
    select * from {{ ref('dim_ledger_month') }}
),

postings as (
    select
        hospital_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        sum(case when money_type in {{ event_types(class='charge') }} then ar_delta_amount else 0 end) as charge_amount,
        sum(
            case when money_type in {{ event_types(net_revenue=true) }} then ar_delta_amount else 0 end
        ) as net_revenue_amount,
        0 - {{ cash('ar_delta_amount') }} as payment_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group, {{ dbt.date_trunc('month', 'post_date') }}
),

feeds as (
    select
        hospital_key,
        cast({{ dbt.date_trunc('month', 'min(post_date)') }} as date) as first_month_start_date,
        cast({{ dbt.dateadd('day', var('days_late'), 'max(post_date)') }} as date) as known_until_date
    from {{ ref('fct_ar_events') }}
    where money_type in {{ event_types(column='contractual_adjustment_amount') }}
    group by hospital_key
),

payer_groups as (
    select distinct
        hospital_key,
        payer_group
    from postings
),

-- Every payer group in every month: one in which nothing is posted is a month too.
monthly as (
    select
        months.hospital_key,
        payer_groups.payer_group,
        months.month_key,
        months.month_start_date,
        coalesce(postings.charge_amount, 0) as charge_amount,
        coalesce(postings.net_revenue_amount, 0) as net_revenue_amount,
        coalesce(postings.payment_amount, 0) as payment_amount
    from months
    inner join payer_groups on months.hospital_key = payer_groups.hospital_key
    left join postings
        on
            months.hospital_key = postings.hospital_key
            and months.month_start_date = postings.month_start_date
            and payer_groups.payer_group = postings.payer_group
),

three_months as (
    select
        months.hospital_key,
        monthly.payer_group,
        months.month_key,
        sum(monthly.charge_amount) as gpsr_amount,
        sum(monthly.net_revenue_amount) as npsr_amount
    from months
    inner join monthly
        on
            months.hospital_key = monthly.hospital_key
            and monthly.month_start_date between months.revenue_start_date and months.revenue_end_date
    where months.has_three_months_of_revenue
    group by months.hospital_key, monthly.payer_group, months.month_key
),

judged as (
    select
        monthly.*,
        months.month_end_date,
        months.as_of_date,
        months.is_complete,
        months.revenue_days,
        three_months.gpsr_amount,
        three_months.npsr_amount,
        case
            when feeds.hospital_key is null or monthly.month_start_date < feeds.first_month_start_date
                then 'needs adjustments'
            when months.as_of_date > feeds.known_until_date then 'needs adjustments: they ended'
        end as net_revenue_unknown_reason,
        -- With fewer than three full months behind it, an average would be made up.
        case when not months.has_three_months_of_revenue then 'less than 3 full months of ledger' end
            as gpsr_unknown_reason,
        case
            when feeds.hospital_key is null then 'needs adjustments'
            when not months.has_three_months_of_revenue then 'less than 3 full months of ledger'
            when months.revenue_start_date < feeds.first_month_start_date
                then 'less than 3 full months of adjustments'
            when months.revenue_end_date > feeds.known_until_date then 'needs adjustments: they ended'
        end as npsr_unknown_reason
    from monthly
    inner join months on monthly.hospital_key = months.hospital_key and monthly.month_key = months.month_key
    left join feeds on monthly.hospital_key = feeds.hospital_key
    left join three_months
        on
            monthly.hospital_key = three_months.hospital_key
            and monthly.payer_group = three_months.payer_group
            and monthly.month_key = three_months.month_key
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_key']) }} as patient_revenue_key,
        hospital_key,
        payer_group,
        month_key,
        month_start_date,
        month_end_date,
        as_of_date,
        is_complete,
        cast(charge_amount as decimal(18, 2)) as charge_amount,
        cast(case when net_revenue_unknown_reason is null then net_revenue_amount end as decimal(18, 2))
            as net_revenue_amount,
        cast(payment_amount as decimal(18, 2)) as payment_amount,
        cast(gpsr_amount as decimal(18, 2)) as gpsr_amount,
        cast(case when npsr_unknown_reason is null then npsr_amount end as decimal(18, 2)) as npsr_amount,
        revenue_days,
        net_revenue_unknown_reason,
        gpsr_unknown_reason,
        npsr_unknown_reason
    from judged
)

select * from final
