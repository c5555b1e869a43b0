-- Question: Which claims have no charge line, and which charge lines no claim?
-- Reading: By hospital and payer group, up to the chosen day. A claim without a charge line cannot be held against the
-- ledger; an insured charge line without a claim is not billed, or its claim was not sent to us. Self-pay lines need
-- none.
-- Contracts: dnfb_amount
select
    hospital_name,
    payer_group,
    claims,
    claims_without_line,
    claims_without_line_amount,
    charge_lines,
    lines_without_claim,
    lines_without_claim_amount
from gold.rpt_billing_gaps
where
    month_key = :month
    and :hospital in ('All hospitals', hospital_name)
    and :payer_group in ('All payer groups', payer_group)
order by hospital_name, payer_group
