{# Creates every schema before models run: parallel threads on a fresh DuckDB file otherwise collide (2 of 12 runs). #}
{% macro create_schemas() %}
    {% if execute %}
        {% set schemas = ['silver', 'history', 'gold', 'audit'] %}
        {% for system in listed_systems() %}{% do schemas.append('bronze_' ~ system) %}{% endfor %}
        {% for schema in schemas %}
            {% do run_query('create schema if not exists ' ~ schema) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
