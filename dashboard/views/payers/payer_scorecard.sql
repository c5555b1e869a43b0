-- Question: How does each payer do?
-- Reading: Claims first billed in the twelve months up to the chosen month, the last submission of each. Median and
-- 90th percentile are of the days from first billing to first payment, of claims that were paid; the share in 30, 45
-- and 60 days is of all claims billed at least so long before, paid or not. Short is what claims were allowed below
-- the payer's own median for the procedure: statistical, there is no contract. Open is billed charges still undecided.
-- Contracts: median_payer_turnaround, p90_payer_turnaround, paid_in_30_days, paid_in_45_days, paid_in_60_days,
-- denial_rate, underpayment
select
    payer_name,
    payer_group,
    hospital_name,
    billed_claims,
    median_payment_days,
    p90_payment_days,
    paid_in_30_pct,
    paid_in_45_pct,
    paid_in_60_pct,
    denial_rate_pct,
    short_amount,
    short_pct,
    open_amount
from gold.rpt_payer_scorecard
where
    month_key = :month
    and :hospital in ('All hospitals', hospital_name)
    and :payer_group in ('All payer groups', payer_group)
order by billed_claims desc, payer_name, hospital_name
