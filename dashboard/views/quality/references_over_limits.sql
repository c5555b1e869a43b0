-- Question: Do the records name what exists?
-- Reading: Current records that name a parent record which is not there, or disagree with it, by relation and system.
-- The limit is what is normal for the source table; above it, the map is probably wrong.
select
    entity,
    source_system,
    rule_name,
    parent_entity,
    rows_checked,
    rows_failed,
    failure_rate * 100 as failure_pct,
    limit_rate * 100 as limit_pct,
    is_over_limit
from silver.dq_references
where
    rows_failed > 0
    and (
        :hospital = 'All hospitals'
        or source_system in (select hospital_code from gold.dim_hospital where hospital_name = :hospital)
    )
order by is_over_limit desc, failure_rate desc, entity, source_system, rule_name
