-- Charge lines whose claim arrived and is kept out of gold: billed at the hospital, though no valid claim says so.
{%- set arrival_day = local_date('claims._ingested_at', 'claims.source_system') %}

select
    {{ generate_surrogate_key(['claims.source_system', 'claims.transaction_id']) }} as transaction_key,
    claims.source_system,
    -- A date the rules doubt, or none: it was billed at the latest when it arrived.
    min(least(coalesce(claims.claim_date, {{ arrival_day }}), {{ arrival_day }})) as first_held_claim_date
from {{ ref('dq_quarantined_rows') }} as held
inner join {{ ref('stg_claims') }} as claims on held._arrival = claims._arrival
where held.entity = 'claims' and held.is_open and claims.transaction_id is not null
group by claims.source_system, claims.transaction_id
