-- Question: Which visits have not been charged?
-- Reading: Encounters up to the chosen day by department and kind, and those without a current charge line: care that
-- nobody billed, or that the hospital charges elsewhere. The oldest is where to begin.
-- Uses: hospitals, as_of
select
    coalesce(departments.department_name, 'Unknown') as department_name,
    as_of.hospital_name,
    coalesce(encounters.encounter_type, 'Unknown') as encounter_type,
    count(*) as encounters,
    count(*) filter (where encounters.transaction_count = 0) as uncharged_encounters,
    cast(count(*) filter (where encounters.transaction_count = 0) as double) * 100 / count(*) as uncharged_pct,
    min(case when encounters.transaction_count = 0 then encounters.encounter_date end) as oldest_uncharged_date
from gold.fct_encounters as encounters
inner join as_of
    on encounters.hospital_key = as_of.hospital_key and encounters.encounter_date <= as_of.as_of_date
left join gold.dim_department as departments
    on encounters.department_version_key = departments.department_version_key
group by
    coalesce(departments.department_name, 'Unknown'), as_of.hospital_name,
    coalesce(encounters.encounter_type, 'Unknown')
order by uncharged_encounters desc, department_name, as_of.hospital_name, encounter_type
