-- Judged on current records: a parent that arrives later resolves its orphans.
{% set judged = [] -%}
{% do ref('int_diagnosis_releases') -%}
{% for entity in entities() -%}
{% set children = ref('cdm_' ~ entity) -%}
{% for column, of_column in (relations(entity) if execute and systems_feeding(entity) else []) | groupby('column') -%}
{% if systems_feeding(of_column[0].parent) -%}
{% do judged.append(judged_reference(entity, children, column, of_column)) -%}
{% endif -%}
{% endfor -%}
{% endfor -%}

with

-- One row per record that names a parent: what is wrong with it, as names of relations.
judged as (
    -- Where no listed system feeds a parent, this is all there is.
    select
        cast(null as string) as entity,
        cast(null as string) as column_name,
        cast(null as string) as source_system,
        cast(null as string) as _source_table,
        cast(null as boolean) as is_unknown,
        cast(null as boolean) as is_orphan,
        cast(null as string) as failed_relations
    where false
    {{ judged | join('\n') | indent(4) }}
),

counted as (
    select
        entity,
        column_name,
        source_system,
        _source_table,
        is_unknown,
        is_orphan,
        failed_relations,
        count(*) as records
    from judged
    group by entity, column_name, source_system, _source_table, is_unknown, is_orphan, failed_relations
),

checked as (
    select
        counted.entity,
        counted.source_system,
        counted._source_table,
        counted.column_name,
        rules.rule_name,
        rules.parent_entity,
        -- Only of a record whose parent exists can it be said whether the two agree.
        cast(sum(
            case
                when counted.is_unknown then 0
                when rules.rule_name = concat(rules.column_name, '_not_found') or not counted.is_orphan
                    then counted.records
                else 0
            end
        ) as bigint) as rows_checked,
        cast(sum(
            case
                when counted.is_unknown then 0
                when concat(',', counted.failed_relations, ',') like concat('%,', rules.rule_name, ',%')
                    then counted.records
                else 0
            end
        ) as bigint) as rows_failed,
        cast(sum(case when counted.is_unknown then counted.records else 0 end) as bigint) as rows_unknown,
        rules.limit_rate
    from counted
    inner join {{ ref('dq_rules_by_table') }} as rules
        on counted._source_table = rules._source_table and counted.column_name = rules.column_name
    group by
        counted.entity, counted.source_system, counted._source_table, counted.column_name, rules.rule_name,
        rules.parent_entity, rules.limit_rate
),

final as (
    select
        *,
        {{ safe_divide('rows_failed', 'rows_checked') }} as failure_rate,
        -- A handful of records has no rate worth a warning.
        rows_checked >= {{ var('quarantine').minimum_rows }} and rows_failed > limit_rate * rows_checked
            as is_over_limit
    from checked
)

select * from final
