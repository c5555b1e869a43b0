-- Question: Which visits have not been charged?
-- Reading: Encounters up to the chosen day by department and kind, and those without a current charge line: care that
-- nobody billed, or that the hospital charges elsewhere. The oldest is where to begin.
select
    department_name,
    hospital_name,
    encounter_type,
    count(*) as encounters,
    count(uncharged_date) as uncharged_encounters,
    cast(count(uncharged_date) as double) * 100 / count(*) as uncharged_pct,
    min(uncharged_date) as oldest_uncharged_date
from gold.rpt_encounters
where month_key = :month and :hospital in ('All hospitals', hospital_name)
group by department_name, hospital_name, encounter_type
order by uncharged_encounters desc, department_name, hospital_name, encounter_type
