{#
    Makes every listed bronze Delta table readable as bronze_<system>.<table>, so that source() means the same on
    every engine. A table that was never loaded reads as empty: a hospital may be declared before its first batch.
#}
{% macro register_bronze() %}
    {% if execute and writes_models() %}
        {% for system, entities in listed_systems().items() %}
            {% for entity in entities %}
                {% set node = bronze_node(system, entity) %}
                {% do register_delta(node, 'bronze/' ~ system ~ '/' ~ entity, bronze_columns(node)) %}
            {% endfor %}
        {% endfor %}
        {% for node in graph.sources.values() if node.source_name in ['audit', 'ledger'] %}
            {% do register_delta(node, node.source_name ~ '/' ~ node.identifier, declared_columns(node)) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# Declared columns plus the lineage columns every bronze row carries, as {name: type}. #}
{% macro bronze_columns(node) %}
    {% set columns = declared_columns(node) %}
    {% do columns.update({
        '_batch_id': 'string', '_row_number': 'bigint', '_load_type': 'string',
        '_ingested_at': 'timestamp', '_source_file': 'string', '_row_hash': 'string'
    }) %}
    {{ return(columns) }}
{% endmacro %}

{% macro declared_columns(node) %}
    {% set columns = {} %}
    {% for column in node.columns.values() %}{% do columns.update({column.name: column.data_type}) %}{% endfor %}
    {{ return(columns) }}
{% endmacro %}

{#
    One Delta table of the lakehouse under the name its source has in dbt; a view without rows where it was never
    written. A table of an engine's catalogue is registered once, for Delta's log tells what it holds.
#}
{% macro register_delta(node, folder, columns) %}
    {% set name = node.schema ~ '.' ~ node.identifier %}
    {% if has_delta_table(folder) %}
        {% do adapter.dispatch('register_delta_table')(node, name, lakehouse_location(folder)) %}
    {% else %}
        {% set typed = [] %}
        {% for column, type in columns.items() %}
            {% do typed.append('cast(null as ' ~ type ~ ') as ' ~ adapter.quote(column)) %}
        {% endfor %}
        {% do run_query('create or replace view ' ~ name ~ ' as select ' ~ typed | join(', ') ~ ' where false') %}
    {% endif %}
{% endmacro %}

{% macro default__register_delta_table(node, name, location) %}
    {% set known = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.identifier) %}
    {% if known and known.is_view %}
        {% do adapter.drop_relation(known) %}
    {% endif %}
    {% do run_query('create table if not exists ' ~ name ~ " using delta location '" ~ location ~ "'") %}
{% endmacro %}

{# DuckDB has no such tables; a view reads the newest version at each query. #}
{% macro duckdb__register_delta_table(node, name, location) %}
    {% do run_query('create or replace view ' ~ name ~ " as select * from delta_scan('" ~ duckdb_url(location) ~ "')") %}
{% endmacro %}
