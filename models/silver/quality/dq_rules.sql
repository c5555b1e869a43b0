-- The catalogue of rules as data: what each rule of each entity means and how severe it is by default.
{% set columns = [
    'entity', 'rule_number', 'rule_name', 'is_relation', 'column_name', 'parent_entity', 'default_severity',
    'default_limit', 'rule_description'
] -%}
{% set common, own, names = [], [], [] -%}
{% for rule in built_in_rules() -%}
{% do common.append([loop.index, rule.name, rule.severity, rule.description]) -%}
{% endfor -%}
{% for entity in entities() if execute -%}
{% do names.append([entity]) -%}
{% for rule in all_rules(entity)[common | length:] -%}
{% do own.append(
    [entity, common | length + loop.index, rule.name, false, none, none, rule.severity, none, rule.description]
) -%}
{% endfor -%}
{% for rule in relations(entity) -%}
{% do own.append(
    [entity, loop.index, rule.name, true, rule.column, rule.parent, rule.severity, rule.limit, rule.description]
) -%}
{% endfor -%}
{% endfor -%}

with

every_entity as (
    {{ literal_rows(['entity'], names) | indent(4) }}
),

of_every_entity as (
    {{ literal_rows(['rule_number', 'rule_name', 'default_severity', 'rule_description'], common) | indent(4) }}
),

of_one_entity as (
    {{ literal_rows(columns, own) | indent(4) }}
),

declared as (
    select {{ columns | join(', ') }} from of_one_entity
    union all
    select
        every_entity.entity,
        of_every_entity.rule_number,
        of_every_entity.rule_name,
        false as is_relation,
        cast(null as string) as column_name,
        cast(null as string) as parent_entity,
        of_every_entity.default_severity,
        null as default_limit,
        of_every_entity.rule_description
    from of_every_entity
    cross join every_entity
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
