-- Receivable and revenue both at what is expected to be paid. Revenue is less what the ledger posts as contractual,
-- charity and discount, and an account with a contractual adjustment is net already. Of the others, debits are taken at
-- the share of billed charges that the payer group's claims, decided in the twelve months before, allowed; credits are
-- owed in full.
with

months as (
    select
        *,
        cast({{ dbt.dateadd('month', -12, 'as_of_date') }} as date) as claims_start_date
    from {{ ref('dim_ledger_month') }}
),

revenue as (
    select * from {{ ref('fct_patient_revenue_monthly') }}
),

adjusted_accounts as (
    select
        account_key,
        min(post_date) as first_adjusted_date
    from {{ ref('fct_ar_events') }}
    where money_type in {{ event_types(column='contractual_adjustment_amount') }}
    group by account_key
),

balances as (
    select
        snapshots.hospital_key,
        snapshots.payer_group,
        snapshots.month_key,
        sum(snapshots.balance_amount) as ar_amount,
        sum(
            case when adjusted_accounts.account_key is null then snapshots.debit_amount else 0 end
        ) as unadjusted_debit_amount
    from {{ ref('fct_ar_snapshot_monthly') }} as snapshots
    left join adjusted_accounts
        on
            snapshots.account_key = adjusted_accounts.account_key
            and snapshots.as_of_date >= adjusted_accounts.first_adjusted_date
    group by snapshots.hospital_key, snapshots.payer_group, snapshots.month_key
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

measured as (
    select
        revenue.hospital_key,
        revenue.payer_group,
        revenue.month_key,
        revenue.month_end_date,
        revenue.as_of_date,
        revenue.gpsr_amount,
        revenue.npsr_amount,
        revenue.revenue_days,
        revenue.npsr_unknown_reason,
        coalesce(balances.ar_amount, 0) as ar_amount,
        coalesce(balances.unadjusted_debit_amount, 0) as unadjusted_debit_amount,
        -- A group without a decided claim, self-pay above all, owes what was charged.
        coalesce({{ safe_divide('decided_claims.allowed_amount', 'decided_claims.billed_amount') }}, 1) as allowed_rate
    from revenue
    left join balances
        on
            revenue.hospital_key = balances.hospital_key
            and revenue.payer_group = balances.payer_group
            and revenue.month_key = balances.month_key
    left join decided_claims
        on
            revenue.hospital_key = decided_claims.hospital_key
            and revenue.payer_group = decided_claims.payer_group
            and revenue.month_key = decided_claims.month_key
),

netted as (
    select
        *,
        case
            when npsr_unknown_reason is null then ar_amount - unadjusted_debit_amount * (1 - allowed_rate)
        end as net_ar_amount
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
        gpsr_amount,
        cast(allowed_rate as decimal(18, 4)) as allowed_rate,
        cast(net_ar_amount as decimal(18, 2)) as net_ar_amount,
        npsr_amount,
        revenue_days,
        {{ safe_divide('net_ar_amount * revenue_days', 'npsr_amount') }} as net_days_in_ar,
        npsr_unknown_reason
    from netted
)

select * from final
