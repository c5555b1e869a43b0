-- The catalogue of rules as data: what each rule of each entity means and how severe it is by default.
{% set columns = [
    'entity', 'rule_number', 'rule_name', 'is_relation', 'column_name', 'parent_entity', 'default_severity',
    'default_limit', 'rule_description'
] -%}
{% set rows = [] -%}
{% for entity in entities() if execute -%}
{% for rule in all_rules(entity) -%}
{% do rows.append(
    [entity, loop.index, rule.name, false, none, none, rule.severity, none, rule.description]
) -%}
{% endfor -%}
{% for rule in relations(entity) -%}
{% do rows.append(
    [entity, loop.index, rule.name, true, rule.column, rule.parent, rule.severity, rule.limit, rule.description]
) -%}
{% endfor -%}
{% endfor -%}

with

declared as (
    {{ literal_rows(columns, rows) | indent(4) }}
),

final as (
    select
        entity,
        rule_name,
        is_relation,
        default_severity,
        rule_description,
        cast(rule_number as bigint) as rule_number,
        column_name,
        parent_entity,
        cast(default_limit as decimal(18, 4)) as default_limit_rate
    from declared
)

select * from final
