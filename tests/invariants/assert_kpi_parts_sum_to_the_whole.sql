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

denials as (
    select
        hospital_key,
        0 as month_key,
        'denied claims' as fact,
        sum(denied_claims) as part,
        (
            select count(*)
            from {{ ref('fct_claims') }} as claims
            -- Of a claim sent again only the last counts.
            where claims.is_denied and claims.is_last_submission and claims.hospital_key = denial_rate.hospital_key
        ) as whole
    from {{ ref('kpi_denial_rate') }} as denial_rate
    group by hospital_key
),

collections as (
    select
        hospital_key,
        0 as month_key,
        'payments' as fact,
        sum(payment_amount) as part,
        (
            select 0 - sum(events.ar_delta_amount)
            from {{ ref('fct_ar_events') }} as events
            where
                events.money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND')
                and events.hospital_key = gross_collection.hospital_key
        ) as whole
    from {{ ref('kpi_gross_collection') }} as gross_collection
    group by hospital_key
),

checks as (
    select * from aging_percentages
    union all
    select * from aging_shares
    union all
    select * from denials
    union all
    select * from collections
)

select *
from checks
where coalesce(part, 0) <> coalesce(whole, 0)
