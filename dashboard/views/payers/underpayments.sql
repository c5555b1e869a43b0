-- Question: Which payers allow less for a procedure than they themselves usually do?
-- Reading: The 100 pairs of payer and procedure with the most dollars below the payer's own median, of claims billed
-- in the twelve months up to the chosen month. Statistical: there is no contract; where charges vary freely, half of
-- all claims lie below the median. It is a list of where to look, not of what is owed.
-- Contracts: underpayment
select
    payers.payer_name,
    payers.payer_group,
    months.hospital_name,
    procedures.procedure_code,
    max(underpayment.median_allowed_amount) as median_allowed_amount,
    sum(underpayment.compared_claims) as compared_claims,
    sum(underpayment.short_claims) as short_claims,
    sum(underpayment.expected_amount) as expected_amount,
    sum(underpayment.allowed_amount) as allowed_amount,
    sum(underpayment.short_amount) as short_amount,
    cast(sum(underpayment.short_amount) as double) * 100 / nullif(sum(underpayment.expected_amount), 0) as short_pct
from gold.kpi_underpayment as underpayment
inner join gold.kpi_windows as months
    on
        underpayment.hospital_key = months.hospital_key
        and underpayment.claim_month_key between months.first_month_key and months.last_month_key
        and months.kpi_window = 'trailing_12_months'
inner join gold.dim_payer as payers on underpayment.payer_key = payers.payer_key
inner join gold.dim_procedure as procedures on underpayment.procedure_key = procedures.procedure_key
where
    months.month_key = :month
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', underpayment.payer_group)
group by payers.payer_name, payers.payer_group, months.hospital_name, procedures.procedure_code
having sum(underpayment.short_amount) > 0
order by short_amount desc, payers.payer_name, months.hospital_name, procedures.procedure_code
limit 100
