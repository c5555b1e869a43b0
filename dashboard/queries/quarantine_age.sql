-- Question: How long do bad records wait?
-- Reading: Open records by the time since their first bad row was loaded, and entity. Each counts once.
-- Uses: hospitals
with

waiting as (
    select
        entity,
        extract(day from (cast(:now as timestamp) - first_seen_at)) as open_days
    from silver.quarantine
    where
        status = 'open'
        and (:hospital = 'all' or source_system in (select hospital_code from hospitals))
)

select
    case
        when open_days < 1 then 'today'
        when open_days < 7 then '1-6 days'
        when open_days < 30 then '7-29 days'
        else '30 days and more'
    end as open_since,
    entity,
    count(*) as open_records,
    min(open_days) as least_open_days
from waiting
group by
    case
        when open_days < 1 then 'today'
        when open_days < 7 then '1-6 days'
        when open_days < 30 then '7-29 days'
        else '30 days and more'
    end,
    entity
order by least_open_days, entity
