-- Receivable and revenue both at what is expected to be paid. Revenue is less what the ledger posts as contractual,
-- charity and discount, and an account with a contractual adjustment is net already. What has none posted is taken at
-- the share of billed charges that its payer group's claims, decided in the twelve months before, allowed.
with

months as (
    select
        *,
        cast({{ dbt.dateadd('month', -12, 'as_of_date') }} as date) as claims_start_date
    from {{ ref('dim_ledger_month') }}
),

adjusted_accounts as (
    select
        account_key,
        min(post_date) as first_adjusted_date
    from {{ ref('fct_ar_events') }}
    where money_type in {{ event_types(column='contractual_adjustment_amount') }}
    group by account_key
),

feeds as (
    select
        hospital_key,
        min({{ dbt.date_trunc('month', 'post_date') }}) as first_contractual_month
    from {{ ref('fct_ar_events') }}
    where money_type in {{ event_types(column='contractual_adjustment_amount') }}
    group by hospital_key
),

balances as (
    select
        snapshots.hospital_key,
        snapshots.payer_group,
        snapshots.month_key,
        sum(snapshots.balance_amount) as ar_amount,
        sum(
            case when adjusted_accounts.account_key is not null then snapshots.balance_amount else 0 end
        ) as adjusted_ar_amount
    from {{ ref('fct_ar_snapshot_monthly') }} as snapshots
    left join adjusted_accounts
        on
            snapshots.account_key = adjusted_accounts.account_key
            and snapshots.as_of_date >= adjusted_accounts.first_adjusted_date
    group by snapshots.hospital_key, snapshots.payer_group, snapshots.month_key
),

revenue as (
    select
        months.hospital_key,
        events.payer_group,
        months.month_key,
        sum(
            case when events.money_type in {{ event_types(class='charge') }} then events.ar_delta_amount else 0 end
        ) as gpsr_amount,
        sum(events.ar_delta_amount) as adjusted_revenue_amount
    from months
    inner join {{ ref('fct_ar_events') }} as events
        on
            months.hospital_key = events.hospital_key
            and months.revenue_start_date <= events.post_date
            and months.revenue_end_date >= events.post_date
    where
        months.has_three_months_of_revenue
        and events.money_type in {{ event_types(net_revenue=true) }}
    group by months.hospital_key, events.payer_group, months.month_key
),

decided_claims as (
    select
        months.hospital_key,
        claims.payer_group,
        months.month_key,
        sum(claims.claim_amount) as billed_amount,
        sum(least(claims.allowed_amount, claims.claim_amount)) as allowed_amount
    from months
    inner join {{ ref('fct_claims') }} as claims
        on
            months.hospital_key = claims.hospital_key
            and months.claims_start_date < claims.first_adjudicated_date
            and months.as_of_date >= claims.first_adjudicated_date
    where claims.allowed_amount is not null and claims.is_last_submission
    group by months.hospital_key, claims.payer_group, months.month_key
),

slices as (
    select
        hospital_key,
        payer_group,
        month_key
    from balances
    union
    select
        hospital_key,
        payer_group,
        month_key
    from revenue
),

measured as (
    select
        slices.hospital_key,
        slices.payer_group,
        slices.month_key,
        months.month_end_date,
        months.as_of_date,
        months.revenue_days,
        coalesce(balances.ar_amount, 0) as ar_amount,
        coalesce(balances.adjusted_ar_amount, 0) as adjusted_ar_amount,
        coalesce(months.revenue_start_date >= feeds.first_contractual_month, false) as has_posted_contractuals,
        case
            when months.has_three_months_of_revenue then coalesce(revenue.adjusted_revenue_amount, 0)
        end as adjusted_revenue_amount,
        case when months.has_three_months_of_revenue then coalesce(revenue.gpsr_amount, 0) end as gpsr_amount,
        -- A group without a decided claim, self-pay above all, owes what was charged.
        coalesce({{ safe_divide('decided_claims.allowed_amount', 'decided_claims.billed_amount') }}, 1) as allowed_rate
    from slices
    inner join months on slices.hospital_key = months.hospital_key and slices.month_key = months.month_key
    left join feeds on slices.hospital_key = feeds.hospital_key
    left join balances
        on
            slices.hospital_key = balances.hospital_key
            and slices.payer_group = balances.payer_group
            and slices.month_key = balances.month_key
    left join revenue
        on
            slices.hospital_key = revenue.hospital_key
            and slices.payer_group = revenue.payer_group
            and slices.month_key = revenue.month_key
    left join decided_claims
        on
            slices.hospital_key = decided_claims.hospital_key
            and slices.payer_group = decided_claims.payer_group
            and slices.month_key = decided_claims.month_key
),

netted as (
    select
        *,
        adjusted_ar_amount + (ar_amount - adjusted_ar_amount) * allowed_rate as net_ar_amount,
        case
            when has_posted_contractuals then adjusted_revenue_amount
            else gpsr_amount * allowed_rate
        end as npsr_amount
    from measured
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_key']) }} as net_days_in_ar_key,
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        cast(ar_amount as decimal(18, 2)) as ar_amount,
        cast(gpsr_amount as decimal(18, 2)) as gpsr_amount,
        cast(allowed_rate as decimal(18, 4)) as allowed_rate,
        has_posted_contractuals,
        cast(net_ar_amount as decimal(18, 2)) as net_ar_amount,
        cast(npsr_amount as decimal(18, 2)) as npsr_amount,
        revenue_days,
        {{ safe_divide('net_ar_amount * revenue_days', 'npsr_amount') }} as net_days_in_ar
    from netted
)

select * from final
