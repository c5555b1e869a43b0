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
        '_ingested_at': 'timestamp', '_source_file': 'string', '_row_hash': 'string',
        '_unread_columns': 'string', '_unread': 'string'
    }) %}
    {{ return(columns) }}
{% endmacro %}

{% macro declared_columns(node) %}
    {% set columns = {} %}
    {% for column in node.columns.values() %}{% do columns.update({column.name: column.data_type}) %}{% endfor %}
    {{ return(columns) }}
{% endmacro %}

{#
    One Delta table of the lakehouse under the name its source has in dbt. If nothing was written yet, there is
    nothing to register: an empty view takes its place until the first batch exists.
#}
{% macro register_delta(node, folder, columns) %}
    {% set place = api.Relation.create(target.get('database'), node.schema, node.identifier) %}
    {% do adapter.dispatch('register_delta_table')(place, folder, columns) %}
{% endmacro %}

{# An external table over what ingestion writes; registered once, because Delta's log lists its files. #}
{% macro default__register_delta_table(place, folder, columns) %}
    {% set existing = load_relation(place) %}
    {% if existing is none or existing.is_view %}
        {% if has_delta_table(folder) %}
            {% if existing %}{% do adapter.drop_relation(existing) %}{% endif %}
            {% set location = lakehouse_location(folder) %}
            {% do run_query('create table if not exists ' ~ place ~ " using delta location '" ~ location ~ "'") %}
        {% else %}
            {% do create_empty_view(place, columns) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{# DuckDB has no such tables; a view reads the newest version at each query. #}
{% macro duckdb__register_delta_table(place, folder, columns) %}
    {% if has_delta_table(folder) %}
        {% set url = duckdb_url(lakehouse_location(folder)) %}
        {% do run_query('create or replace view ' ~ place ~ " as select * from delta_scan('" ~ url ~ "')") %}
    {% else %}
        {% do create_empty_view(place, columns) %}
    {% endif %}
{% endmacro %}

{% macro create_empty_view(place, columns) %}
    {% set typed = [] %}
    {% for name, type in columns.items() %}
        {% do typed.append('cast(null as ' ~ type ~ ') as ' ~ adapter.quote(name)) %}
    {% endfor %}
    {% do run_query('create or replace view ' ~ place ~ ' as select ' ~ typed | join(', ') ~ ' where false') %}
{% endmacro %}
