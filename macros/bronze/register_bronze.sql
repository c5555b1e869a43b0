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

{# One Delta table of the lakehouse under the name its source has in dbt. #}
{% macro register_delta(node, folder, columns) %}
    {% set location = env_var('RCM_LAKEHOUSE', 'lakehouse') ~ '/' ~ folder %}
    {% do adapter.dispatch('register_delta_table')(node.schema ~ '.' ~ node.identifier, location, columns) %}
{% endmacro %}

{% macro default__register_delta_table(relation, location, columns) %}
    {% do run_query("create table if not exists " ~ relation ~ " using delta location '" ~ location ~ "'") %}
{% endmacro %}

{# DuckDB reads Azure by its Blob endpoint: abfss://container@account.dfs.core.windows.net/x is az://container/x. #}
{% macro duckdb__register_delta_table(relation, location, columns) %}
    {% set location = modules.re.sub('^abfss://([^@]+)@[^/]+', 'az://\\1', location) %}
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
