-- Question: Which claims still wait for the payer, since when, and for how much?
-- Reading: Claims open as things stand now, by payer and status, billed up to the chosen day. Amounts are billed
-- charges, more than the payer will allow. Old claims with a large amount are the ones to call about first.
-- Uses: hospitals, as_of
select
    payers.payer_name,
    claims.payer_group,
    as_of.hospital_name,
    claims.claim_status,
    count(*) as open_claims,
    count(*) filter (where claims.claim_date < as_of.as_of_date - interval '45' day) as older_than_45_days_claims,
    sum(claims.open_amount) as open_amount,
    min(claims.claim_date) as oldest_claim_date
from gold.fct_claims as claims
inner join as_of on claims.hospital_key = as_of.hospital_key and claims.claim_date <= as_of.as_of_date
inner join gold.dim_payer as payers on claims.payer_key = payers.payer_key
where claims.is_open and (:payer_group = 'all' or claims.payer_group = :payer_group)
group by payers.payer_name, claims.payer_group, as_of.hospital_name, claims.claim_status
order by open_amount desc, payers.payer_name, as_of.hospital_name, claims.claim_status
