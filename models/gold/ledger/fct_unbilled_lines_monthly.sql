-- Charge lines that stand on no claim at a month end, with what of their charge is still owed: a line that was settled
-- waits for no bill, nor does one of an account that is settled. Of hospitals that send claims; of others it is not
-- known what is billed.
with

last_days as (
    select
        months.hospital_key,
        max(months.as_of_date) as as_of_date
    from {{ ref('dim_ledger_month') }} as months
    inner join {{ ref('kpi_feeds') }} as feeds on months.hospital_key = feeds.hospital_key and feeds.feed = 'claims'
    group by months.hospital_key
),

charges as (
    select
        hospital_key,
        transaction_key,
        payer_group,
        min(post_date) as first_post_date,
        max_by(account_key, known_at) as account_key,
        max_by(service_date, known_at) as service_date
    from {{ ref('fct_ar_events') }}
    -- No payer is billed for self-pay.
    where money_type in {{ event_types(class='charge') }} and payer_group <> 'Self-pay'
    group by hospital_key, transaction_key, payer_group
),

-- Most lines are billed in the month of their charge: only the others are followed from month to month.
waiting as (
    select
        charges.*,
        claims.first_claim_date,
        held_claims.first_held_claim_date,
        limits.limit_days
    from charges
    inner join last_days on charges.hospital_key = last_days.hospital_key
    left join {{ ref('int_transaction_claims') }} as claims on charges.transaction_key = claims.transaction_key
    left join {{ ref('int_transaction_held_claims') }} as held_claims
        on charges.transaction_key = held_claims.transaction_key
    left join {{ ref('fct_transactions') }} as charge_lines on charges.transaction_key = charge_lines.transaction_key
    left join {{ ref('timely_filing_limits') }} as limits on charges.payer_group = limits.payer_group
    where
        claims.first_claim_date
        > least({{ dbt.last_day('charges.first_post_date', 'month') }}, last_days.as_of_date)
        -- What the patient owes by himself, such as a co-payment, never has a claim.
        or (claims.first_claim_date is null and coalesce(charge_lines.payment_source <> 'patient', true))
),

movements as (
    select
        events.transaction_key,
        events.payer_group,
        cast({{ dbt.date_trunc('month', 'events.post_date') }} as date) as movement_month,
        sum(
            case when events.money_type in {{ event_types(class='charge') }} then events.ar_delta_amount else 0 end
        ) as charge_amount,
        sum(events.ar_delta_amount) as balance_amount
    from {{ ref('fct_ar_events') }} as events
    inner join waiting
        on events.transaction_key = waiting.transaction_key and events.payer_group = waiting.payer_group
    group by events.transaction_key, events.payer_group, {{ dbt.date_trunc('month', 'events.post_date') }}
),

running as (
    select
        transaction_key,
        payer_group,
        movement_month,
        sum(charge_amount) over line_to_date as charge_amount,
        sum(balance_amount) over line_to_date as balance_amount,
        coalesce(
            lead(movement_month) over (partition by transaction_key, payer_group order by movement_month),
            cast('9999-12-31' as date)
        ) as next_movement_month
    from movements
    window line_to_date as (
        partition by transaction_key, payer_group order by movement_month
        rows between unbounded preceding and current row
    )
),

unbilled as (
    select
        waiting.hospital_key,
        waiting.account_key,
        waiting.transaction_key,
        waiting.payer_group,
        waiting.service_date,
        waiting.limit_days,
        months.month_key,
        months.as_of_date,
        running.charge_amount,
        running.balance_amount,
        least(running.charge_amount, running.balance_amount) as unbilled_amount,
        coalesce(waiting.first_held_claim_date <= months.as_of_date, false) as is_claim_held,
        cast({{ dbt.datediff('waiting.service_date', 'months.as_of_date', 'day') }} as bigint) as age_days
    from running
    inner join waiting
        on running.transaction_key = waiting.transaction_key and running.payer_group = waiting.payer_group
    inner join {{ ref('dim_ledger_month') }} as months
        on
            waiting.hospital_key = months.hospital_key
            and running.movement_month <= months.month_start_date
            and running.next_movement_month > months.month_start_date
    -- What is settled, by whatever was paid on the account, waits for no bill.
    inner join {{ ref('fct_ar_snapshot_monthly') }} as balances
        on
            waiting.hospital_key = balances.hospital_key
            and waiting.account_key = balances.account_key
            and waiting.payer_group = balances.payer_group
            and months.month_key = balances.month_key
    where
        running.charge_amount > 0
        and running.balance_amount > 0
        and balances.debit_amount > 0
        and coalesce(waiting.first_claim_date > months.as_of_date, true)
),

final as (
    select
        {{ generate_surrogate_key(['transaction_key', 'payer_group', 'month_key']) }} as unbilled_line_key,
        hospital_key,
        account_key,
        transaction_key,
        payer_group,
        month_key,
        as_of_date,
        service_date,
        age_days,
        case
            when is_claim_held then 'claim in quarantine'
            {%- for bucket in unbilled_ages() %}
            when age_days <= {{ bucket.to_days or 'coalesce(limit_days, age_days)' }} then '{{ bucket.label }}'
            {%- endfor %}
            else 'never billed'
        end as unbilled_age,
        is_claim_held,
        cast(charge_amount as decimal(18, 2)) as charge_amount,
        cast(balance_amount as decimal(18, 2)) as balance_amount,
        cast(unbilled_amount as decimal(18, 2)) as unbilled_amount
    from unbilled
)

select * from final
