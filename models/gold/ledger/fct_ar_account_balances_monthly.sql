-- Semi-additive: balances add up across accounts, never across months or bases. An open interval ends in 9999, not in
-- NULL: with plain comparisons the join hashes; with "or is null" it would compare each account with every other.
with

last_days as (
    select
        hospital_key,
        max(as_of_date) as as_of_date
    from {{ ref('dim_ledger_month') }}
    group by hospital_key
),

-- The bases differ only where a posting became known after its month, or after the last posted day.
late_accounts as (
    select distinct known.account_key
    from {{ ref('fct_ar_balance_changes') }} as known
    inner join last_days on known.hospital_key = last_days.hospital_key
    where
        known.basis = 'known'
        and known.effective_date > least({{ dbt.last_day('known.post_date', 'month') }}, last_days.as_of_date)
),

changes as (
    select
        changes.basis,
        changes.hospital_key,
        changes.account_key,
        changes.payer_group,
        changes.money_type,
        changes.service_date,
        changes.post_date,
        changes.ar_delta_amount,
        cast({{ dbt.date_trunc('month', 'changes.effective_date') }} as date) as effective_month
    from {{ ref('fct_ar_balance_changes') }} as changes
    inner join last_days on changes.hospital_key = last_days.hospital_key
    left join late_accounts on changes.account_key = late_accounts.account_key
    -- In a month that still runs, what became known after the last posted day is not known yet.
    where
        changes.effective_date <= last_days.as_of_date
        and (changes.basis = 'restated' or (changes.basis = 'known' and late_accounts.account_key is not null))
),

monthly_deltas as (
    select
        basis,
        hospital_key,
        account_key,
        payer_group,
        effective_month,
        sum(ar_delta_amount) as ar_delta_amount,
        min(post_date) as first_post_date
    from changes
    group by basis, hospital_key, account_key, payer_group, effective_month
),

running as (
    select
        basis,
        hospital_key,
        account_key,
        payer_group,
        effective_month,
        sum(ar_delta_amount) over account_to_date as balance_amount,
        min(first_post_date) over account_to_date as first_post_date,
        coalesce(
            lead(effective_month) over (
                partition by basis, hospital_key, account_key, payer_group order by effective_month
            ),
            cast('9999-12-31' as date)
        ) as next_effective_month
    from monthly_deltas
    window account_to_date as (
        partition by basis, hospital_key, account_key, payer_group order by effective_month
        rows between unbounded preceding and current row
    )
),

-- From when to when an account was charged for a day's services: a charge that was taken back ages nothing.
charged_days as (
    select
        basis,
        account_key,
        service_date as anchor_date,
        effective_month as from_month,
        coalesce(
            lead(effective_month) over (partition by basis, account_key, service_date order by effective_month),
            cast('9999-12-31' as date)
        ) as until_month,
        sum(ar_delta_amount) over (
            partition by basis, account_key, service_date order by effective_month
            rows between unbounded preceding and current row
        ) as charge_amount
    from (
        select
            basis,
            account_key,
            service_date,
            effective_month,
            sum(ar_delta_amount) as ar_delta_amount
        from changes
        where money_type in {{ event_types(class='charge') }}
        group by basis, account_key, service_date, effective_month
    ) as monthly_charges
),

anchored as (
    select
        basis,
        account_key,
        from_month,
        until_month,
        max(anchor_date) as anchor_date
    from charged_days
    where charge_amount <> 0
    group by basis, account_key, from_month, until_month
),

open_balances as (
    select
        running.basis,
        running.hospital_key,
        running.account_key,
        running.payer_group,
        months.month_key,
        months.month_end_date,
        months.as_of_date,
        running.balance_amount,
        -- As from a discharge: the account's last service, whoever owes it now; without a charge its first posting.
        coalesce(max(anchored.anchor_date), running.first_post_date) as aged_from_date
    from running
    inner join {{ ref('dim_ledger_month') }} as months
        on
            running.hospital_key = months.hospital_key
            and running.effective_month <= months.month_start_date
            and running.next_effective_month > months.month_start_date
    left join anchored
        on
            running.basis = anchored.basis
            and running.account_key = anchored.account_key
            and months.month_start_date >= anchored.from_month
            and months.month_start_date < anchored.until_month
    where running.balance_amount <> 0
    group by
        running.basis, running.hospital_key, running.account_key, running.payer_group, months.month_key,
        months.month_end_date, months.as_of_date, running.balance_amount, running.first_post_date
),

aged as (
    select
        *,
        cast({{ dbt.datediff('aged_from_date', 'as_of_date', 'day') }} as bigint) as age_days
    from open_balances
),

both_bases as (
    select * from aged

    union all

    select
        'known' as basis,
        aged.hospital_key,
        aged.account_key,
        aged.payer_group,
        aged.month_key,
        aged.month_end_date,
        aged.as_of_date,
        aged.balance_amount,
        aged.aged_from_date,
        aged.age_days
    from aged
    left join late_accounts on aged.account_key = late_accounts.account_key
    where aged.basis = 'restated' and late_accounts.account_key is null
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'account_key', 'payer_group', 'month_key']) }} as ar_snapshot_key,
        basis,
        hospital_key,
        account_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        aged_from_date,
        age_days,
        {{ aging_bucket('age_days') }} as aging_bucket,
        {{ is_over_90_days('age_days') }} as is_over_90_days,
        cast(balance_amount as decimal(18, 2)) as balance_amount,
        cast(greatest(balance_amount, 0) as decimal(18, 2)) as debit_amount,
        cast(greatest(0 - balance_amount, 0) as decimal(18, 2)) as credit_amount
    from both_bases
)

select * from final
