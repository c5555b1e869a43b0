-- Question: Which months are signed, and does each open with what the one before closed with?
-- Reading: Months up to the chosen one, newest first, as reported: a closed month shows what was signed and never
-- moves, an open one follows the ledger. Restated closing is what the ledger says of the month by now; where it
-- differs from a signed closing, the difference is the restatement of the first open month. Payments and adjustments
-- are signed.
-- Contracts: ar_balance
-- Uses: hospitals, as_of
select
    months.month_start_date,
    case
        when min(case when months.is_closed then 1 else 0 end) = 1 then 'closed'
        when max(case when months.is_closed then 1 else 0 end) = 1 then 'closed in part'
        else 'open'
    end as state,
    max(months.close_version) as close_version,
    sum(months.opening_amount) as opening_amount,
    sum(months.restatement_amount) as restatement_amount,
    sum(months.charge_amount) as charge_amount,
    sum(months.insurance_payment_amount + months.patient_payment_amount + months.refund_amount) as payment_amount,
    sum(
        months.contractual_adjustment_amount + months.charity_adjustment_amount + months.uninsured_discount_amount
        + months.other_adjustment_amount
    ) as adjustment_amount,
    sum(
        months.denial_write_off_amount + months.bad_debt_write_off_amount + months.small_balance_write_off_amount
    ) as write_off_amount,
    sum(months.transfer_amount) as transfer_amount,
    sum(months.reversal_amount) as reversal_amount,
    sum(months.closing_amount) as closing_amount,
    sum(months.restated_closing_amount) as restated_closing_amount
from gold.fct_ar_rollforward_monthly as months
inner join as_of on months.hospital_key = as_of.hospital_key and months.month_key <= as_of.month_key
where :payer_group = 'all' or months.payer_group = :payer_group
group by months.month_start_date
order by months.month_start_date desc
