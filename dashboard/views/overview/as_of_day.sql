-- Question: As of which day?
-- Reading: The end of the chosen month, or the last posted day while it runs; of several hospitals the earliest.
select
    min(as_of_date) as as_of_date,
    bool_and(is_complete) as is_complete
from gold.dim_ledger_month
where month_key = :month and :hospital in ('All hospitals', hospital_name)
having count(*) > 0
