-- Each rule as it holds for each source table: the catalogue's word unless the table's YAML says otherwise. A rule that
-- a table ignores, or that cannot apply to it, has no row here.
{% set tables = [] -%}
{% set exceptions = {} -%}
{% for system, entities in listed_systems().items() if execute -%}
{% for entity in entities -%}
{% set source_table = system ~ '.' ~ entity -%}
{% do tables.append([entity, source_table]) -%}
{% for rule in all_rules(entity) + relations(entity) -%}
{% set severity, limit = severity_in(rule, system, entity), limit_in(rule, system, entity) -%}
{% if severity != rule.severity or limit != rule.get('limit') -%}
{% do exceptions.setdefault((source_table, severity, limit), []).append(rule.name) -%}
{% endif -%}
{% endfor -%}
{% endfor -%}
{% endfor -%}
{% set rows = [] -%}
{% for key, names in exceptions.items() -%}
{% do rows.append([key[0], names | join(','), key[1], key[2]]) -%}
{% endfor -%}

with

rules as (
    select * from {{ ref('dq_rules') }}
),

source_tables as (
    {{ literal_rows(['entity', '_source_table'], tables) | indent(4) }}
),

exceptions as (
    {{ literal_rows(['_source_table', 'rule_names', 'severity', 'limit_rate'], rows) | indent(4) }}
),

final as (
    select
        rules.entity,
        source_tables._source_table,
        rules.rule_name,
        rules.is_relation,
        rules.column_name,
        rules.parent_entity,
        coalesce(exceptions.severity, rules.default_severity) as severity,
        coalesce(cast(exceptions.limit_rate as decimal(18, 4)), rules.default_limit_rate) as limit_rate
    from rules
    inner join source_tables on rules.entity = source_tables.entity
    left join exceptions
        on
            source_tables._source_table = exceptions._source_table
            and concat(',', exceptions.rule_names, ',') like concat('%,', rules.rule_name, ',%')
    where coalesce(exceptions.severity, rules.default_severity) <> 'ignore'
)

select * from final
