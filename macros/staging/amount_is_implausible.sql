{#
    True where an amount of a row, whatever its sign, is above the limit of its source table: `amount_limit` in its
    config.meta or in that of its system, by default vars.amount_limit. Shifted columns put an account number where an
    amount should be.
#}
{% macro amount_is_implausible(entity) -%}
    {%- set limits = {} -%}
    {%- for system in systems_feeding(entity) -%}
        {%- do limits.setdefault(amount_limit(system, entity), []).append("'" ~ system ~ '.' ~ entity ~ "'") -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for column in mapped_columns(entity) if is_money(column) -%}
        {%- for limit, tables in limits.items() -%}
            {%- do found.append(
                'coalesce(abs(' ~ column.name ~ ') > ' ~ limit ~ ', false)'
                ~ ' and _source_table in (' ~ tables | join(', ') ~ ')'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ found | join(' or ') if found else 'false' }}
{%- endmacro %}

{# The greatest plausible amount of one line at a source, USD. #}
{% macro amount_limit(system, entity) %}
    {% set node = bronze_node(system, entity) %}
    {{ return(node.config.meta.get('amount_limit') or node.source_meta.get('amount_limit') or var('amount_limit')) }}
{% endmacro %}
