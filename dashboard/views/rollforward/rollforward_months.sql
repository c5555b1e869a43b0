-- Question: Which months are signed, and does each open with what the one before closed with?
-- Reading: Months up to the chosen one, newest first, as reported: a closed month shows what was signed and never
-- moves, an open one follows the ledger. Restated closing is what the ledger says of the month by now; where it
-- differs from a signed closing, the difference is the restatement of the first open month. Payments and adjustments
-- are signed.
-- Contracts: ar_balance
select
    rollforward.month_start_date,
    case
        when bool_and(rollforward.is_closed) then 'closed'
        when bool_or(rollforward.is_closed) then 'closed in part'
        else 'open'
    end as state,
    max(rollforward.close_version) as close_version,
    sum(rollforward.opening_amount) as opening_amount,
    sum(rollforward.restatement_amount) as restatement_amount,
    sum(rollforward.charge_amount) as charge_amount,
    sum(rollforward.payment_amount) as payment_amount,
    sum(rollforward.adjustment_amount) as adjustment_amount,
    sum(rollforward.write_off_amount) as write_off_amount,
    sum(rollforward.transfer_amount) as transfer_amount,
    sum(rollforward.reversal_amount) as reversal_amount,
    sum(rollforward.closing_amount) as closing_amount,
    sum(rollforward.restated_closing_amount) as restated_closing_amount
from gold.rpt_ar_rollforward as rollforward
inner join gold.dim_ledger_month as months
    on rollforward.hospital_key = months.hospital_key and rollforward.month_key <= months.month_key
where
    months.month_key = :month
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', rollforward.payer_group)
group by rollforward.month_start_date
order by rollforward.month_start_date desc
