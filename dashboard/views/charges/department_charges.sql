-- Question: What does each department charge, and what of it is paid and outstanding?
-- Reading: Postings of the ledger up to the chosen day, corrections included, as known or as restated. Paid is less
-- refunds; outstanding is the balance, so that charges less paid plus adjustments are outstanding.
select
    department_name,
    hospital_name,
    count(distinct charge_transaction_key) as charge_lines,
    sum(charge_amount) as charge_amount,
    sum(payment_amount) as paid_amount,
    sum(ar_delta_amount - charge_amount + payment_amount) as adjustment_amount,
    sum(ar_delta_amount) as outstanding_amount,
    cast(sum(payment_amount) as double) * 100 / nullif(sum(charge_amount), 0) as paid_pct
from gold.rpt_ledger
where
    month_key = :month
    and basis = :basis
    and :hospital in ('All hospitals', hospital_name)
    and :payer_group in ('All payer groups', payer_group)
group by department_name, hospital_name
order by charge_amount desc, department_name, hospital_name
