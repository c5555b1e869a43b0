{#
    A bronze table in Unity Catalog is an external table over what ingestion writes. Where nothing was loaded yet there
    is nothing to register: an empty view stands in, and gives way when the first batch is there. Databricks creates no
    Delta table in bronze itself, ingestion is its only writer.
#}
{% macro databricks__register_delta_table(relation, location, columns) %}
    {% set schema, identifier = relation.split('.') %}
    {% set place = api.Relation.create(database=target.database, schema=schema, identifier=identifier) %}
    {% set existing = load_relation(place) %}
    {% if existing is none or existing.is_view %}
        {% if holds_delta(location) %}
            {% if existing %}{% do adapter.drop_relation(existing) %}{% endif %}
            {% do run_query('create table if not exists ' ~ place ~ " using delta location '" ~ location ~ "'") %}
        {% else %}
            {% set typed = [] %}
            {% for name, type in columns.items() %}
                {% do typed.append('cast(null as ' ~ type ~ ') as ' ~ adapter.quote(name)) %}
            {% endfor %}
            {% do run_query('create or replace view ' ~ place ~ ' as select ' ~ typed | join(', ') ~ ' where false') %}
        {% endif %}
    {% endif %}
{% endmacro %}

{# Whether a folder of the lakehouse has a Delta log: asked level by level, for listing what is not there fails. #}
{% macro holds_delta(location) %}
    {% set lakehouse = env_var('RCM_LAKEHOUSE', 'lakehouse') %}
    {% set place = namespace(path=lakehouse, is_there=true) %}
    {% for folder in location[lakehouse | length + 1:].split('/') + ['_delta_log'] if place.is_there %}
        {% set names = run_query("list '" ~ place.path ~ "'").columns['name'].values() %}
        {% set place.is_there = folder in names | map('replace', '/', '') %}
        {% set place.path = place.path ~ '/' ~ folder %}
    {% endfor %}
    {{ return(place.is_there) }}
{% endmacro %}
