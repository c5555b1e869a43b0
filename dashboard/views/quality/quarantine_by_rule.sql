-- Question: Which rules keep records out of gold, and in which system?
-- Reading: Records with a row that was rejected or quarantined, by rule of the last bad row; a record that failed two
-- rules counts in both. Open records wait for a correction, resolved ones were fixed by a later row or a changed
-- rule. No value of a record is shown here: a steward finds the row in bronze by its batch and number.
with

rules as (
    select
        entity,
        rule_name,
        rule_description
    from silver.dq_rules
    where not is_relation
)

select
    held.entity,
    held.source_system,
    coalesce(rules.rule_name, held.failed_rules) as rule_name,
    rules.rule_description,
    count(*) filter (where held.status = 'open') as open_records,
    count(*) filter (where held.status = 'resolved') as resolved_records,
    min(case when held.status = 'open' then held.first_seen_at end) as oldest_open_at
from silver.quarantine as held
left join rules
    on
        held.entity = rules.entity
        and concat(',', held.failed_rules, ',') like concat('%,', rules.rule_name, ',%')
where
    :hospital = 'All hospitals'
    or held.source_system in (select hospital_code from gold.dim_hospital where hospital_name = :hospital)
group by held.entity, held.source_system, coalesce(rules.rule_name, held.failed_rules), rules.rule_description
order by open_records desc, held.entity, held.source_system, rule_name
