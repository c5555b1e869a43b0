-- Question: How fast do a month's charges turn into cash?
-- Reading: For the service months of the last year, the share of their charges collected, less refunds, by the end of
-- the k-th month after the service month. Only months that are over count. Of all payer groups: gold keeps the curve
-- by hospital.
-- Contracts: collected_within_three_months
-- Uses: hospitals, as_of
select
    curve.service_month_start_date,
    curve.months_since_service,
    sum(curve.charge_amount) as charge_amount,
    sum(curve.payment_amount) as payment_amount,
    cast(sum(curve.payment_amount) as double) * 100 / nullif(sum(curve.charge_amount), 0) as collected_pct
from gold.kpi_collection_curve as curve
inner join as_of on curve.hospital_key = as_of.hospital_key
where
    curve.service_month_start_date > as_of.month_start_date - interval '12' month
    and year(curve.service_month_start_date) * 12 + month(curve.service_month_start_date)
    + curve.months_since_service <= as_of.month_index
group by curve.service_month_start_date, curve.months_since_service
order by curve.service_month_start_date, curve.months_since_service
