-- Question: What was charged and paid in each month?
-- Reading: Postings of the ledger by post date over the last 24 months, as known or as restated; a correction counts
-- in what it corrects, in the month it became known. Payments are less refunds. Other is every adjustment; charges
-- less payments plus other is the change of A/R.
select
    post_month_start_date as month_start_date,
    sum(charge_amount) as charge_amount,
    sum(payment_amount) as payment_amount,
    sum(ar_delta_amount - charge_amount + payment_amount) as other_amount,
    sum(ar_delta_amount) as change_amount
from gold.rpt_ledger
where
    month_key = :month
    and basis = :basis
    and is_last_twenty_four_months
    and :hospital in ('All hospitals', hospital_name)
    and :payer_group in ('All payer groups', payer_group)
group by post_month_start_date
order by month_start_date
