-- Question: Who counts, and as of when?
-- Reading: In a number of all hospitals each hospital counts as of its own last complete month by the chosen one; one
-- that is too far behind the newest, or has no ledger, is left out. A KPI that a hospital cannot have leaves it out as
-- well, and says so in its contract.
select
    hospital_name,
    as_of_date,
    days_behind,
    is_member,
    left_out_reason
from gold.kpi_group_members
where month_key = :month and :hospital in ('All hospitals', hospital_name)
order by hospital_name
