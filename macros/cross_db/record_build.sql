{#
    Write down that a build began, and when it ends, each node's outcome and what it reads: rcm/warehouse/freshness.py
    finds in it whether gold was built to the end from everything that is staged, also after a partial or a killed
    `dbt build` that `rcm` did not start. Only the embedded warehouse keeps it, for only its commands ask. A node that
    was skipped keeps its last entry.
#}
{% macro record_begin() %}
    {% if execute and writes_models() %}
        {{ return(adapter.dispatch('record_nodes')([build_entry('running')])) }}
    {% endif %}
{% endmacro %}

{% macro record_build(results) %}
    {% if execute and writes_models() %}
        {% set entries = [build_entry('success')] %}
        {% for result in results if result.status != 'skipped' and result.node.resource_type != 'operation' %}
            {% set node = result.node %}
            {% set reads = node.depends_on.nodes | map('string') | join(',') if node.depends_on else '' %}
            {% do entries.append([
                node.unique_id, node.name, node.resource_type, node.config.materialized or '',
                result.status | string, reads
            ]) %}
        {% endfor %}
        {{ return(adapter.dispatch('record_nodes')(entries)) }}
    {% endif %}
{% endmacro %}

{# The entry of the command itself. #}
{% macro build_entry(status) %}
    {{ return(['build', 'build', 'build', '', status, '']) }}
{% endmacro %}

{% macro default__record_nodes(entries) %}{% endmacro %}

{% macro duckdb__record_nodes(entries) %}
    {% do run_query(
        'create table if not exists audit.build_log (node_id varchar primary key, node_name varchar, '
        ~ 'node_kind varchar, materialized varchar, status varchar, reads varchar, recorded_at timestamp)'
    ) %}
    {% set columns = ['node_id', 'node_name', 'node_kind', 'materialized', 'status', 'reads'] %}
    {% do run_query(
        "insert or replace into audit.build_log select *, cast(current_timestamp at time zone 'UTC' as timestamp) "
        ~ 'from (' ~ literal_rows(columns, entries) ~ ')'
    ) %}
{% endmacro %}
