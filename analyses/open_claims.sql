-- Question: which claims still wait for the payer, since when, and for how much?
-- Reading: one row per hospital, payer, status and age. Days run from the claim date to the last posted day of the
-- hospital's ledger. Old claims with a large amount are the ones to call about first. Amounts are billed charges,
-- which is more than the payer will allow.
with

as_of as (
    select
        hospital_key,
        as_of_date
    from {{ ref('dim_ledger_month') }}
    where is_latest
),

open_claims as (
    select
        claims.hospital_key,
        claims.payer_key,
        claims.payer_group,
        claims.claim_status,
        claims.claim_date,
        claims.claim_amount,
        {{ dbt.datediff('claims.claim_date', 'as_of.as_of_date', 'day') }} as open_days
    from {{ ref('fct_claims') }} as claims
    left join as_of on claims.hospital_key = as_of.hospital_key
    where claims.is_open
),

final as (
    select
        hospitals.hospital_name,
        open_claims.payer_group,
        payers.payer_name,
        open_claims.claim_status,
        case when open_claims.open_days is null then 'Unknown' else {{ aging_bucket('open_claims.open_days') }} end
            as days_open,
        count(*) as open_claims,
        sum(open_claims.claim_amount) as claim_amount,
        min(open_claims.claim_date) as oldest_claim_date
    from open_claims
    inner join {{ ref('dim_hospital') }} as hospitals on open_claims.hospital_key = hospitals.hospital_key
    inner join {{ ref('dim_payer') }} as payers on open_claims.payer_key = payers.payer_key
    group by
        hospitals.hospital_name,
        open_claims.payer_group,
        payers.payer_name,
        open_claims.claim_status,
        case when open_claims.open_days is null then 'Unknown' else {{ aging_bucket('open_claims.open_days') }} end
)

select * from final
order by claim_amount desc, hospital_name asc, payer_name asc, claim_status asc, days_open asc
