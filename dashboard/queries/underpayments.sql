-- Question: Which payers allow less for a procedure than they themselves usually do?
-- Reading: The 100 pairs of payer and procedure with the most dollars below the payer's own median, of claims billed
-- in the twelve months up to the chosen month. Statistical: there is no contract; where charges vary freely, half of
-- all claims lie below the median. It is a list of where to look, not of what is owed.
-- Contracts: underpayment
-- Uses: hospitals, as_of
select
    payers.payer_name,
    payers.payer_group,
    as_of.hospital_name,
    procedures.procedure_code,
    max(underpayment.median_allowed_amount) as median_allowed_amount,
    sum(underpayment.compared_claims) as compared_claims,
    sum(underpayment.short_claims) as short_claims,
    sum(underpayment.expected_amount) as expected_amount,
    sum(underpayment.allowed_amount) as allowed_amount,
    sum(underpayment.short_amount) as short_amount,
    cast(sum(underpayment.short_amount) as double) * 100 / nullif(sum(underpayment.expected_amount), 0) as short_pct
from gold.kpi_underpayment as underpayment
inner join as_of on underpayment.hospital_key = as_of.hospital_key
inner join gold.dim_payer as payers on underpayment.payer_key = payers.payer_key
inner join gold.dim_procedure as procedures on underpayment.procedure_key = procedures.procedure_key
where
    underpayment.claim_month_start_date >= as_of.twelve_months_start_date
    and underpayment.claim_month_key <= as_of.month_key
    and (:payer_group = 'all' or underpayment.payer_group = :payer_group)
group by payers.payer_name, payers.payer_group, as_of.hospital_name, procedures.procedure_code
having sum(underpayment.short_amount) > 0
order by short_amount desc, payers.payer_name, as_of.hospital_name, procedures.procedure_code
limit 100
