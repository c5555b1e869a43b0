{#
    Makes every listed bronze Delta table readable as bronze_<system>.<table>, so that source() means the same on
    every engine. A table that was never loaded reads as empty: a hospital may be declared before its first batch.
#}
{% macro register_bronze() %}
    {% if execute and writes_models() %}
        {% for system, entities in listed_systems().items() %}
            {% for entity in entities %}
                {% set node = bronze_node(system, entity) %}
                {% set location = env_var('RCM_LAKEHOUSE', 'lakehouse') ~ '/bronze/' ~ system ~ '/' ~ entity %}
                {% set relation = node.schema ~ '.' ~ node.identifier %}
                {% do adapter.dispatch('register_delta')(relation, location, bronze_columns(node)) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# Declared columns plus the lineage columns every bronze row carries, as {name: type}. #}
{% macro bronze_columns(node) %}
    {% set columns = {} %}
    {% for column in node.columns.values() %}{% do columns.update({column.name: column.data_type}) %}{% endfor %}
    {% do columns.update({
        '_batch_id': 'string', '_row_number': 'bigint', '_load_type': 'string',
        '_ingested_at': 'timestamp', '_source_file': 'string', '_row_hash': 'string'
    }) %}
    {{ return(columns) }}
{% endmacro %}

{% macro default__register_delta(relation, location, columns) %}
    {% do run_query("create table if not exists " ~ relation ~ " using delta location '" ~ location ~ "'") %}
{% endmacro %}

{% macro duckdb__register_delta(relation, location, columns) %}
    {% set commits = run_query("select count(*) from glob('" ~ location ~ "/_delta_log/*.json')") %}
    {% if commits.columns[0].values()[0] > 0 %}
        {% do run_query("create or replace view " ~ relation ~ " as select * from delta_scan('" ~ location ~ "')") %}
    {% else %}
        {% set typed = [] %}
        {% for name, type in columns.items() %}
            {% do typed.append('cast(null as ' ~ type ~ ') as ' ~ adapter.quote(name)) %}
        {% endfor %}
        {% do run_query("create or replace view " ~ relation ~ " as select " ~ typed | join(', ') ~ " where false") %}
    {% endif %}
{% endmacro %}
