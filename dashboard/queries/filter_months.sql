-- Question: Which months can be looked at?
-- Reading: The last complete month first, then the others, newest first. Of all hospitals up to the last month that each
-- hospital that counts has complete; of one hospital also the month that runs.
with

last_common_months as (
    select min(member_month_key) as month_key
    from gold.kpi_group_members
    where is_reported and is_member
),

months as (
    select
        month_key,
        is_reported
    from gold.dim_ledger_month
    where hospital_name = :hospital

    union

    select
        members.month_key,
        members.month_key = last_common_months.month_key as is_reported
    from gold.kpi_group_members as members
    cross join last_common_months
    where :hospital = 'All hospitals' and members.month_key <= last_common_months.month_key
)

select month_key
from months
order by is_reported desc, month_key desc
