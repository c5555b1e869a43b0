-- Question: What was charged and paid in each month?
-- Reading: Postings of the ledger by post date over the last 24 months, as known or as restated; a correction counts
-- in what it corrects, in the month it became known. Payments are less refunds. Other is every adjustment; charges
-- less payments plus other is the change of A/R.
-- Uses: hospitals, as_of, ledger
select
    cast(date_trunc('month', post_date) as date) as month_start_date,
    sum(case when money_type = 'CHARGE' then ar_delta_amount else 0 end) as charge_amount,
    -sum(
        case when money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND') then ar_delta_amount else 0 end
    ) as payment_amount,
    sum(
        case
            when money_type in ('CHARGE', 'PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND') then 0
            else ar_delta_amount
        end
    ) as other_amount,
    sum(ar_delta_amount) as change_amount
from ledger
where
    post_date > as_of_date - interval '24' month
    and (:payer_group = 'all' or payer_group = :payer_group)
group by cast(date_trunc('month', post_date) as date)
order by month_start_date
