-- Question: which claims still wait for the payer, since when, and for how much?
-- Reading: one row per hospital, payer, status and age. Days run from the claim date to the last posted day of the
-- hospital's ledger. Old claims with a large amount are the ones to call about first. Amounts are billed charges,
-- which is more than the payer will allow. A claim whose account is settled is not in it.
select
    hospital_name,
    payer_group,
    payer_name,
    claim_status,
    aging_bucket as days_open,
    count(*) as open_claims,
    sum(claim_amount) as claim_amount,
    min(claim_date) as oldest_claim_date
from {{ ref('rpt_open_claims') }}
where is_latest
group by hospital_name, payer_group, payer_name, claim_status, aging_bucket
order by claim_amount desc, hospital_name asc, payer_name asc, claim_status asc, days_open asc
