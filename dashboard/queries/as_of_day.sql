-- Question: As of which day?
-- Reading: The end of the chosen month, or the last posted day while it runs; of several hospitals the earliest.
-- Uses: hospitals, as_of
select
    min(as_of_date) as as_of_date,
    min(case when is_complete then 1 else 0 end) = 1 as is_complete
from as_of
having count(*) > 0
