{# When held-back rows stop the build, one row per source table: its `quarantine`, completed by vars.quarantine. #}
{% macro quarantine_limits() %}
{%- for system, tables in listed_systems().items() if execute -%}
{%- set last_system = loop.last -%}
{%- for table in tables -%}
{%- set own = bronze_node(system, table).config.meta.get('quarantine', {}) -%}
select
    '{{ system }}.{{ table }}' as _source_table,
    cast({{ own.get('limit', var('quarantine').limit) }} as decimal(18, 4)) as limit_rate,
    cast({{ own.get('minimum_rows', var('quarantine').minimum_rows) }} as bigint) as minimum_rows,
    '{{ own.get('accepted', []) | join(',') }}' as accepted_batches
{% if not (loop.last and last_system) %}union all
{% endif %}
{%- endfor -%}
{%- endfor -%}
{% endmacro %}
