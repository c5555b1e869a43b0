-- Discharged, not final billed, by its nearest thing: what stands in the ledger and on no claim yet.
with

charges as (
    select
        events.hospital_key,
        events.payer_group,
        events.post_date,
        events.ar_delta_amount,
        claims.first_claim_date,
        -- No payer is billed for what the patient owes: self-pay, and lines like a co-payment that never had a claim.
        events.payer_group = 'Self-pay'
        or (coalesce(charge_lines.payment_source = 'patient', false) and claims.first_claim_date is null)
            as is_for_patient
    from {{ ref('fct_ar_events') }} as events
    left join {{ ref('int_transaction_claims') }} as claims on events.transaction_key = claims.transaction_key
    left join {{ ref('fct_transactions') }} as charge_lines on events.transaction_key = charge_lines.transaction_key
    where events.money_type in {{ event_types(class='charge') }}
),

-- A charge joins the unbilled when it is posted and leaves them when it is billed, if that was not before.
movements as (
    select
        hospital_key,
        payer_group,
        post_date as movement_date,
        case when is_for_patient then 0 else ar_delta_amount end as unbilled_amount,
        ar_delta_amount as gpsr_amount
    from charges

    union all

    select
        hospital_key,
        payer_group,
        greatest(post_date, first_claim_date) as movement_date,
        0 - ar_delta_amount as unbilled_amount,
        0 as gpsr_amount
    from charges
    where first_claim_date is not null and not is_for_patient
),

monthly as (
    select
        movements.hospital_key,
        movements.payer_group,
        months.month_key,
        months.month_start_date,
        sum(movements.unbilled_amount) as unbilled_amount,
        sum(movements.gpsr_amount) as gpsr_amount
    from movements
    inner join {{ ref('dim_ledger_month') }} as months
        on
            movements.hospital_key = months.hospital_key
            and {{ month_key('movements.movement_date') }} = months.month_key
            -- In a month that still runs, what is billed after the last posted day is not known yet.
            and movements.movement_date <= months.as_of_date
    group by movements.hospital_key, movements.payer_group, months.month_key, months.month_start_date
),

payer_groups as (
    select distinct
        hospital_key,
        payer_group
    from charges
),

-- Every month of every payer group: one in which nothing is posted is a month too.
running as (
    select
        payer_groups.hospital_key,
        payer_groups.payer_group,
        months.month_key,
        months.month_end_date,
        months.as_of_date,
        months.revenue_start_date,
        months.revenue_end_date,
        months.revenue_days,
        months.has_three_months_of_revenue,
        sum(monthly.unbilled_amount) over month_to_date as unbilled_amount
    from payer_groups
    inner join {{ ref('dim_ledger_month') }} as months on payer_groups.hospital_key = months.hospital_key
    left join monthly
        on
            payer_groups.hospital_key = monthly.hospital_key
            and payer_groups.payer_group = monthly.payer_group
            and months.month_key = monthly.month_key
    window month_to_date as (
        partition by payer_groups.hospital_key, payer_groups.payer_group order by months.month_key
        rows between unbounded preceding and current row
    )
),

revenue as (
    select
        running.hospital_key,
        running.payer_group,
        running.month_key,
        sum(monthly.gpsr_amount) as gpsr_amount
    from running
    inner join monthly
        on
            running.hospital_key = monthly.hospital_key
            and running.payer_group = monthly.payer_group
            and monthly.month_start_date between running.revenue_start_date and running.revenue_end_date
    where running.has_three_months_of_revenue
    group by running.hospital_key, running.payer_group, running.month_key
),

final as (
    select
        {{ generate_surrogate_key(['running.hospital_key', 'running.payer_group', 'running.month_key']) }} as dnfb_key,
        running.hospital_key,
        running.payer_group,
        running.month_key,
        running.month_end_date,
        running.as_of_date,
        cast(coalesce(running.unbilled_amount, 0) as decimal(18, 2)) as unbilled_amount,
        -- With fewer than three full months behind it, an average would be made up.
        cast(
            case when running.has_three_months_of_revenue then coalesce(revenue.gpsr_amount, 0) end as decimal(18, 2)
        ) as gpsr_amount,
        running.revenue_days,
        {{ safe_divide(
            'coalesce(running.unbilled_amount, 0) * running.revenue_days', 'revenue.gpsr_amount'
        ) }} as dnfb_days
    from running
    left join revenue
        on
            running.hospital_key = revenue.hospital_key
            and running.payer_group = revenue.payer_group
            and running.month_key = revenue.month_key
)

select * from final
