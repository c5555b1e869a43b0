-- Semi-additive: balances add up across accounts, never across months. What is still so ends in 9999 and not in NULL:
-- joined by comparisons alone it is hashed, with an "or is null" each account would be compared with every other.
with

monthly_deltas as (
    select
        hospital_key,
        account_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as post_month,
        sum(ar_delta_amount) as ar_delta_amount,
        min(post_date) as first_post_date
    from {{ ref('fct_ar_events') }}
    group by hospital_key, account_key, payer_group, {{ dbt.date_trunc('month', 'post_date') }}
),

running as (
    select
        hospital_key,
        account_key,
        payer_group,
        post_month,
        sum(ar_delta_amount) over account_to_date as balance_amount,
        min(first_post_date) over account_to_date as first_post_date,
        coalesce(
            lead(post_month) over (partition by hospital_key, account_key, payer_group order by post_month),
            cast('9999-12-31' as date)
        ) as next_post_month
    from monthly_deltas
    window account_to_date as (
        partition by hospital_key, account_key, payer_group order by post_month
        rows between unbounded preceding and current row
    )
),

-- From when to when an account was charged for a day's services: a charge that was taken back ages nothing.
charged_days as (
    select
        account_key,
        {% if var('aging_anchor') == 'post_date' -%}
        min(first_post_date) over (partition by account_key, service_date)
        {%- else -%}
        service_date
        {%- endif %} as anchor_date,
        post_month as from_month,
        coalesce(
            lead(post_month) over (partition by account_key, service_date order by post_month),
            cast('9999-12-31' as date)
        ) as until_month,
        sum(ar_delta_amount) over (
            partition by account_key, service_date order by post_month
            rows between unbounded preceding and current row
        ) as charge_amount
    from (
        select
            account_key,
            service_date,
            cast({{ dbt.date_trunc('month', 'post_date') }} as date) as post_month,
            sum(ar_delta_amount) as ar_delta_amount,
            min(post_date) as first_post_date
        from {{ ref('fct_ar_events') }}
        where money_type = 'CHARGE'
        group by account_key, service_date, {{ dbt.date_trunc('month', 'post_date') }}
    ) as monthly_charges
),

anchored as (
    select
        account_key,
        from_month,
        until_month,
        max(anchor_date) as anchor_date
    from charged_days
    where charge_amount <> 0
    group by account_key, from_month, until_month
),

open_balances as (
    select
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
            and running.post_month <= months.month_start_date
            and running.next_post_month > months.month_start_date
    left join anchored
        on
            running.account_key = anchored.account_key
            and months.month_start_date >= anchored.from_month
            and months.month_start_date < anchored.until_month
    where running.balance_amount <> 0
    group by
        running.hospital_key, running.account_key, running.payer_group, months.month_key, months.month_end_date,
        months.as_of_date, running.balance_amount, running.first_post_date
),

aged as (
    select
        *,
        cast({{ dbt.datediff('aged_from_date', 'as_of_date', 'day') }} as bigint) as age_days
    from open_balances
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'account_key', 'payer_group', 'month_key']) }} as ar_snapshot_key,
        hospital_key,
        account_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        aged_from_date,
        age_days,
        {{ aging_bucket('age_days') }} as aging_bucket,
        cast(balance_amount as decimal(18, 2)) as balance_amount,
        cast(greatest(balance_amount, 0) as decimal(18, 2)) as debit_amount,
        cast(greatest(0 - balance_amount, 0) as decimal(18, 2)) as credit_amount
    from aged
)

select * from final
