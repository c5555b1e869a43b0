-- Question: Which hospitals did the last build leave out?
-- Reading: Their declaration is broken, so their numbers are older than the others'; the day of their newest rows.
select
    system_name as hospital_name,
    last_staged_at
from silver.dq_systems
where is_left_out and :hospital in ('All hospitals', system_name)
order by hospital_name
