{#
    When a batch waits for a person, one row per source table: its `quarantine` and `deletions`, completed by the
    variables of those names.
#}
{% macro batch_limits() %}
    {%- set rows = [] -%}
    {%- for system, tables in all_listed_systems().items() if execute -%}
        {#- What waits of a system that is left out goes on waiting. -#}
        {%- for table in tables if has_bronze_node(system, table) -%}
            {%- set meta = bronze_node(system, table).config.meta -%}
            {%- set quarantine = dict(var('quarantine'), **meta.get('quarantine', {})) -%}
            {%- set deletions = dict(var('deletions'), **meta.get('deletions', {})) -%}
            {%- do rows.append([
                system ~ '.' ~ table, quarantine.limit, quarantine.minimum_rows,
                quarantine.get('minimum_rows_if_all', 1),
                quarantine.get('accepted', []) | join(','), deletions.limit, deletions.minimum_keys
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ literal_rows([
        '_source_table', 'limit_rate', 'minimum_rows', 'minimum_rows_if_all', 'accepted_batches',
        'deletion_limit_rate', 'minimum_keys'
    ], rows) }}
{% endmacro %}

{# A fraction as people read it: 60.0 %. #}
{% macro shown_percent(rate) -%}
    concat(cast(cast({{ rate }} * 100 as decimal(18, 1)) as string), ' %')
{%- endmacro %}
