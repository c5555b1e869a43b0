-- Question: Which months can be looked at?
-- Reading: Up to the last month that every chosen hospital has.
-- Uses: hospitals
with

last_months as (
    select
        months.hospital_key,
        max(months.month_key) as month_key
    from gold.dim_ledger_month as months
    inner join hospitals on months.hospital_key = hospitals.hospital_key
    group by months.hospital_key
)

select distinct
    months.month_key,
    months.month_start_date
from gold.dim_ledger_month as months
inner join hospitals on months.hospital_key = hospitals.hospital_key
where months.month_key <= (select min(month_key) from last_months)
order by months.month_key desc
