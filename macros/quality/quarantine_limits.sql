{# When quarantined rows stop the build, one row per source table: its `quarantine`, completed by vars.quarantine. #}
{% macro quarantine_limits() %}
    {%- set rows = [] -%}
    {%- for system, tables in all_listed_systems().items() if execute -%}
        {#- What waits of a system that is left out goes on waiting. -#}
        {%- for table in tables if has_bronze_node(system, table) -%}
            {%- set limits = dict(var('quarantine'), **bronze_node(system, table).config.meta.get('quarantine', {})) -%}
            {%- do rows.append([
                system ~ '.' ~ table, limits.limit, limits.minimum_rows, limits.get('accepted', []) | join(',')
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ literal_rows(['_source_table', 'limit_rate', 'minimum_rows', 'accepted_batches'], rows) }}
{% endmacro %}
