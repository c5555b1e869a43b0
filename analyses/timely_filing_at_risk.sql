-- Question: which charges will the payer refuse because no claim reached it in time?
-- Reading: insured charge lines with an open balance for which no claim counts as filed (none at all, or only rejected
-- or void ones), by the days left until the payer group's limit (gold.timely_filing_limits says which limits are law
-- and which an assumption to replace by your contracts). "past limit" is as good as lost; "30 days or less" is today's
-- work. Days run from the service date to the last posted day of the hospital's ledger.
select
    hospital_name,
    payer_group,
    payer_name,
    limit_days,
    time_left,
    count(*) as charge_lines,
    sum(charge_amount) as charge_amount,
    sum(balance_amount) as balance_amount,
    min(service_date) as oldest_service_date,
    min(remaining_days) as least_remaining_days
from {{ ref('rpt_timely_filing') }}
group by hospital_name, payer_group, payer_name, limit_days, time_left
order by least_remaining_days asc, balance_amount desc, hospital_name asc, payer_name asc
