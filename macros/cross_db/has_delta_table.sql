{# Whether a folder of the lakehouse holds a Delta table: no engine lets SQL test for a file that may not exist. #}
{% macro has_delta_table(folder) %}
    {{ return(adapter.dispatch('has_delta_table')(folder)) }}
{% endmacro %}

{# One row per table in a temporary view of the session, filled by rcm/warehouse/spark_session.py. #}
{% macro default__has_delta_table(folder) %}
    {% set found = run_query("select count(*) from rcm_delta_tables where folder = '" ~ folder ~ "'") %}
    {{ return(found.columns[0].values()[0] > 0) }}
{% endmacro %}

{% macro duckdb__has_delta_table(folder) %}
    {% set log = duckdb_url(lakehouse_location(folder)) ~ '/_delta_log/*.json' %}
    {% set found = run_query("select count(*) from glob('" ~ log ~ "')") %}
    {{ return(found.columns[0].values()[0] > 0) }}
{% endmacro %}

{# Databricks lists folders, but fails for a missing one, so each is looked up in its parent. #}
{% macro databricks__has_delta_table(folder) %}
    {% set path = namespace(location=lakehouse_location('')[:-1], found=true) %}
    {% for name in folder.split('/') + ['_delta_log'] if path.found %}
        {% set names = run_query("list '" ~ path.location ~ "'").columns['name'].values() %}
        {% set path.found = name ~ '/' in names or name in names %}
        {% set path.location = path.location ~ '/' ~ name %}
    {% endfor %}
    {{ return(path.found) }}
{% endmacro %}

{# DuckDB reads Azure by its Blob endpoint: abfss://container@account.dfs.core.windows.net/x is az://container/x. #}
{% macro duckdb_url(location) %}
    {{ return(modules.re.sub('^abfss://([^@]+)@[^/]+', 'az://\\1', location)) }}
{% endmacro %}
