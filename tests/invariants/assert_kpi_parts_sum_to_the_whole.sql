-- Invariant 11. Slices that do not add up let two reports of the same month contradict each other.
with

-- Each share is rounded to four places.
aging_percentages as (
    select
        hospital_key,
        month_key,
        'aging percentages sum to 100' as fact,
        cast(round(sum(debit_share_pct), 2) as decimal(18, 2)) as part,
        cast(100 as decimal(18, 2)) as whole
    from {{ ref('kpi_ar_aging') }}
    where hospital_debit_amount > 0
    group by hospital_key, month_key
),

aging_shares as (
    select
        hospital_key,
        month_key,
        'aging shares sum to 100' as fact,
        sum(debit_amount) as part,
        max(hospital_debit_amount) as whole
    from {{ ref('kpi_ar_aging') }}
    group by hospital_key, month_key
),

-- What is billed, what waits for a claim and what waits for one in quarantine are all that is owed.
billing as (
    select
        hospital_key,
        month_key,
        'billed, unbilled and held debits' as fact,
        sum(billed_amount + unbilled_amount + claim_held_amount) as part,
        sum(debit_amount) as whole
    from {{ ref('kpi_ar_aging') }}
    where billed_amount is not null
    group by hospital_key, month_key
),

negative_parts as (
    select
        hospital_key,
        month_key,
        'no part below 0' as fact,
        sum(least(billed_amount, 0) + least(unbilled_amount, 0) + least(claim_held_amount, 0)) as part,
        cast(0 as decimal(18, 2)) as whole
    from {{ ref('kpi_ar_aging') }}
    group by hospital_key, month_key
),

-- Net is gross less something: more would be made up.
net_of_gross as (
    select
        hospital_key,
        month_key,
        'net A/R within A/R' as fact,
        sum(greatest(net_ar_amount - ar_amount, 0)) as part,
        cast(0 as decimal(18, 2)) as whole
    from {{ ref('kpi_net_days_in_ar') }}
    group by hospital_key, month_key
),

waiting as (
    select
        hospital_key,
        month_key,
        'unbilled within charge and balance' as fact,
        sum(greatest(unbilled_amount - least(charge_amount, balance_amount), 0)) as part,
        cast(0 as decimal(18, 2)) as whole
    from {{ ref('fct_unbilled_lines_monthly') }}
    group by hospital_key, month_key
),

-- If a claim was sent again, only the last one counts.
denied_claims as (
    select
        hospital_key,
        count(*) as whole
    from {{ ref('fct_claims') }}
    where is_denied and is_last_submission
    group by hospital_key
),

denial_slices as (
    select
        hospital_key,
        sum(denied_claims) as part
    from {{ ref('kpi_denial_rate') }}
    group by hospital_key
),

denials as (
    select
        coalesce(denial_slices.hospital_key, denied_claims.hospital_key) as hospital_key,
        0 as month_key,
        'denied claims' as fact,
        denial_slices.part,
        denied_claims.whole
    from denial_slices
    full join denied_claims on denial_slices.hospital_key = denied_claims.hospital_key
),

payments as (
    select
        hospital_key,
        0 - sum(ar_delta_amount) as whole
    from {{ ref('fct_ar_events') }}
    where money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'PAYMENT_UNKNOWN', 'REFUND')
    group by hospital_key
),

collection_slices as (
    select
        hospital_key,
        sum(payment_amount) as part
    from {{ ref('kpi_gross_collection') }}
    group by hospital_key
),

collections as (
    select
        coalesce(collection_slices.hospital_key, payments.hospital_key) as hospital_key,
        0 as month_key,
        'payments' as fact,
        collection_slices.part,
        payments.whole
    from collection_slices
    full join payments on collection_slices.hospital_key = payments.hospital_key
),

checks as (
    select * from aging_percentages
    union all
    select * from aging_shares
    union all
    select * from billing
    union all
    select * from negative_parts
    union all
    select * from net_of_gross
    union all
    select * from waiting
    union all
    select * from denials
    union all
    select * from collections
)

select *
from checks
where coalesce(part, 0) <> coalesce(whole, 0)
