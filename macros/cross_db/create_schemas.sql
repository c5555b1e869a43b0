{# Creates every schema before models run: parallel threads on a fresh DuckDB file otherwise collide (2 of 12 runs). #}
{% macro create_schemas() %}
    {% if execute and writes_models() %}
        {% set schemas = ['silver', 'history', 'deid_keys', 'silver_deid', 'gold', 'audit', 'ledger'] %}
        {% for system in listed_systems() %}{% do schemas.append('bronze_' ~ system) %}{% endfor %}
        {% for schema in schemas %}
            {% do run_query('create schema if not exists ' ~ schema) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# Whether the current command builds: docs and linters compile hooks too, several at once. #}
{% macro writes_models() %}
    {{ return(flags.WHICH in ['build', 'run', 'seed', 'snapshot', 'test']) }}
{% endmacro %}
