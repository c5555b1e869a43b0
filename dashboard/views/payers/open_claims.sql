-- Question: Which claims still wait for the payer, since when, and for how much?
-- Reading: Claims open as things stand now, by payer and status, billed up to the chosen day. Amounts are billed
-- charges, more than the payer will allow. Old claims with a large amount are the ones to call about first. A
-- claim whose account is settled is not in it.
select
    payer_name,
    payer_group,
    hospital_name,
    claim_status,
    count(*) as open_claims,
    count(*) filter (where is_slow) as older_than_45_days_claims,
    sum(open_amount) as open_amount,
    min(claim_date) as oldest_claim_date
from gold.rpt_open_claims
where
    month_key = :month
    and is_billed
    and :hospital in ('All hospitals', hospital_name)
    and :payer_group in ('All payer groups', payer_group)
group by payer_name, payer_group, hospital_name, claim_status
order by open_amount desc, payer_name, hospital_name, claim_status
