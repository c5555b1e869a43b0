-- Debit balances only in the shares: a credit would hide the debt of another account. What of an account's debit waits
-- for its claim is unbilled, what waits for a claim in quarantine stands apart, the rest is billed.
with

unbilled_lines as (
    select
        hospital_key,
        account_key,
        payer_group,
        month_key,
        sum(case when not is_claim_held then unbilled_amount else 0 end) as unbilled_amount,
        sum(case when is_claim_held then unbilled_amount else 0 end) as claim_held_amount
    from {{ ref('fct_unbilled_lines_monthly') }}
    group by hospital_key, account_key, payer_group, month_key
),

accounts as (
    select
        snapshots.*,
        -- What was paid on the account without a line lowers what can still be billed of it.
        least(snapshots.debit_amount, coalesce(unbilled_lines.unbilled_amount, 0)) as unbilled_amount,
        least(
            snapshots.debit_amount,
            coalesce(unbilled_lines.unbilled_amount, 0) + coalesce(unbilled_lines.claim_held_amount, 0)
        ) as not_billed_amount
    from {{ ref('fct_ar_snapshot_monthly') }} as snapshots
    left join unbilled_lines
        on
            snapshots.hospital_key = unbilled_lines.hospital_key
            and snapshots.account_key = unbilled_lines.account_key
            and snapshots.payer_group = unbilled_lines.payer_group
            and snapshots.month_key = unbilled_lines.month_key
),

buckets as (
    select
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        aging_bucket,
        {{ is_over_90_days('max(age_days)') }} as is_over_90_days,
        count(*) as account_count,
        sum(debit_amount) as debit_amount,
        sum(credit_amount) as credit_amount,
        sum(debit_amount - not_billed_amount) as billed_amount,
        sum(unbilled_amount) as unbilled_amount,
        sum(not_billed_amount - unbilled_amount) as claim_held_amount
    from accounts
    group by hospital_key, payer_group, month_key, month_end_date, as_of_date, aging_bucket
),

final as (
    select
        {{ generate_surrogate_key([
            'buckets.hospital_key', 'buckets.payer_group', 'buckets.month_key', 'buckets.aging_bucket'
        ]) }} as ar_aging_key,
        buckets.hospital_key,
        buckets.payer_group,
        buckets.month_key,
        buckets.month_end_date,
        buckets.as_of_date,
        buckets.aging_bucket,
        buckets.is_over_90_days,
        buckets.account_count,
        cast(buckets.debit_amount as decimal(18, 2)) as debit_amount,
        cast(buckets.credit_amount as decimal(18, 2)) as credit_amount,
        {%- for column in ['billed_amount', 'unbilled_amount', 'claim_held_amount'] %}
        cast(case when feeds.hospital_key is not null then buckets.{{ column }} end as decimal(18, 2)) as {{ column }},
        {%- endfor %}
        cast(
            sum(buckets.debit_amount) over (partition by buckets.hospital_key, buckets.month_key) as decimal(18, 2)
        ) as hospital_debit_amount,
        {{ safe_divide(
            'buckets.debit_amount * 100',
            'sum(buckets.debit_amount) over (partition by buckets.hospital_key, buckets.month_key)'
        ) }} as debit_share_pct
    from buckets
    left join {{ ref('kpi_feeds') }} as feeds on buckets.hospital_key = feeds.hospital_key and feeds.feed = 'claims'
)

select * from final
