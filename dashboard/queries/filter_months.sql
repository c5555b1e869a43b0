-- Question: Which months can be looked at?
-- Reading: Up to the last month that every chosen hospital has.
with

last_months as (
    select month_key
    from gold.dim_ledger_month
    where is_latest and :hospital in ('All hospitals', hospital_name)
)

select distinct
    month_key,
    month_start_date
from gold.dim_ledger_month
where :hospital in ('All hospitals', hospital_name) and month_key <= (select min(month_key) from last_months)
order by month_key desc
