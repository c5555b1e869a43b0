-- Question: How long do bad records wait?
-- Reading: Open records by the time since their first bad row was loaded, and entity. Each counts once.
with

waiting as (
    select
        entity,
        extract(day from (cast(:now as timestamp) - first_seen_at)) as open_days
    from silver.quarantine
    where
        status = 'open'
        and (
            :hospital = 'All hospitals'
            or source_system in (select hospital_code from gold.dim_hospital where hospital_name = :hospital)
        )
)

select
    bands.age_band as open_since,
    waiting.entity,
    count(*) as open_records,
    min(waiting.open_days) as least_open_days
from waiting
inner join silver.quarantine_age_bands as bands
    on waiting.open_days >= bands.from_days and waiting.open_days < bands.until_days
group by bands.age_band, waiting.entity
order by least_open_days, waiting.entity
