-- Question: What did the payers say to its claims?
-- Reading: Claims for the account's charge lines as they are now. What a claim file reports as paid is evidence, never
-- money of the ledger. Decision and payment are the first ones known.
select
    claims.claim_key,
    payers.payer_name,
    claims.payer_group,
    claims.claim_status,
    claims.service_date,
    claims.first_billed_date,
    claims.first_adjudicated_date,
    claims.first_paid_date,
    claims.bill_to_payment_days,
    claims.claim_amount,
    claims.allowed_amount,
    claims.reported_paid_amount,
    claims.denied_amount,
    claims.open_amount
from gold.fct_claims as claims
inner join gold.dim_hospital as hospitals on claims.hospital_key = hospitals.hospital_key
left join gold.dim_payer as payers on claims.payer_key = payers.payer_key
where
    :account in (claims.encounter_key, claims.transaction_key)
    and :hospital in ('All hospitals', hospitals.hospital_name)
order by claims.first_billed_date, claims.claim_key
