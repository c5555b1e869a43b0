-- Invariant 9 for claims. A claim whose last event is a denial but that counts as paid is never appealed.
with

events as (
    select
        claim_key,
        count(*) as event_count,
        max(sequence_number) as last_number,
        max_by(claim_status, sequence_number) as last_status,
        count(*) filter (where is_first_adjudication) as first_adjudications,
        count(*) filter (where previous_claim_status = claim_status) as repeated_statuses
    from {{ ref('fct_claim_status_events') }}
    group by claim_key
)

select
    claims.claim_key,
    claims.claim_status,
    events.last_status,
    events.event_count,
    events.last_number
from {{ ref('fct_claims') }} as claims
left join events on claims.claim_key = events.claim_key
where
    events.last_status is distinct from claims.claim_status
    or events.event_count <> events.last_number
    or events.repeated_statuses > 0
    or events.first_adjudications
    <> case when claims.first_adjudicated_date is null then 0 else 1 end
