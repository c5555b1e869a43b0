-- Question: What cash is still to come from what has been charged?
-- Reading: Actual: cash less refunds of each month, on charges of up to twelve months before. Forecast: for each
-- service month not yet a year old, its charges times the share that service months of the last year and a half
-- collected in the same month of their life (sum of that month's cash / sum of charges, over the months that reached
-- it). Charges still to come are not in it, so that it falls to zero; it is no budget. Of all payer groups.
-- Contracts: collected_within_three_months
select
    month_start_date,
    cash_kind as kind,
    cash_amount
from gold.rpt_cash_forecast
where month_key = :month and hospital_name = :hospital
order by month_start_date, kind
