-- Question: How fast do a month's charges turn into cash?
-- Reading: For the service months of the last year, the share of their charges collected, less refunds, by the end of
-- the k-th month after the service month. Only months that are over count. Of all payer groups: gold keeps the curve
-- by hospital.
-- Contracts: collected_within_three_months
select
    service_month_start_date,
    months_since_service,
    sum(charge_amount) as charge_amount,
    sum(payment_amount) as payment_amount,
    cast(sum(payment_amount) as double) * 100 / nullif(sum(charge_amount), 0) as collected_pct
from gold.rpt_collection_curve
where
    month_key = :month
    and is_last_twelve_months
    and :hospital in ('All hospitals', hospital_name)
group by service_month_start_date, months_since_service
order by service_month_start_date, months_since_service
