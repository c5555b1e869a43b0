-- Question: Which months can be looked at?
-- Reading: The last complete month first, then the others, newest first, also the month that runs. Of all hospitals up
-- to the last month that each hospital that counts has; the first is the last that each has complete.
with

members as (
    select
        months.hospital_name,
        months.month_key,
        months.is_latest,
        reported.member_month_key
    from gold.dim_ledger_month as months
    inner join gold.kpi_group_members as reported on months.hospital_key = reported.hospital_key
    where
        reported.is_reported
        and :hospital in ('All hospitals', months.hospital_name)
        and (reported.is_member or :hospital <> 'All hospitals')
),

bounds as (
    select
        min(case when is_latest then month_key end) as last_month_key,
        min(member_month_key) as reported_month_key
    from members
)

select distinct
    members.month_key,
    members.month_key = bounds.reported_month_key as is_reported
from members
cross join bounds
where members.month_key <= bounds.last_month_key
order by is_reported desc, members.month_key desc
