-- Question: Who signed which month, and which were opened again?
-- Reading: One row per hospital, month and version of its close; closing as signed, over all payer groups. A version
-- that was reopened is no longer in force.
select
    hospitals.hospital_name,
    closes.month_key,
    closes.close_version,
    closes.is_in_force,
    closes.closed_at,
    closes.closed_by,
    closes.reopened_at,
    closes.reopened_by,
    sum(closes.closing_amount) as closing_amount
from gold.fct_month_close as closes
inner join gold.dim_hospital as hospitals on closes.hospital_key = hospitals.hospital_key
where :hospital in ('All hospitals', hospitals.hospital_name)
group by
    hospitals.hospital_name, closes.month_key, closes.close_version, closes.is_in_force, closes.closed_at,
    closes.closed_by, closes.reopened_at, closes.reopened_by
order by closes.month_key desc, hospitals.hospital_name, closes.close_version desc
