{#
    Who may read a layer is declared once, as dbt's own grants in dbt_project.yml. Only Unity Catalog has groups to
    grant to: elsewhere whoever can open the file or reach the cluster reads everything.
#}
{% macro default__apply_grants(relation, grant_config, should_revoke=True) %}
{% endmacro %}

{% macro databricks__apply_grants(relation, grant_config, should_revoke=True) %}
    {% do dbt.default__apply_grants(relation, grant_config, should_revoke) %}
{% endmacro %}

{# Grants use of each schema to the readers of its tables, bronze and audit to the engineers; runs before the models. #}
{% macro secure_catalog(engineers) %}
    {% if execute and writes_models() %}{% do adapter.dispatch('secure_catalog')(engineers) %}{% endif %}
{% endmacro %}

{% macro default__secure_catalog(engineers) %}
{% endmacro %}

{% macro databricks__secure_catalog(engineers) %}
    {% do create_masks(engineers) %}
    {% for schema, readers in readers_of_schemas(engineers).items() %}
        {% set privileges = ['use schema'] %}
        {# dbt does not build these tables, so it does not grant them one by one. #}
        {% if schema in source_schemas() %}{% do privileges.append('select') %}{% endif %}
        {% do grant_on_schema(schema, privileges, readers) %}
    {% endfor %}
{% endmacro %}

{# {schema: groups}: all who may select from anything in it. #}
{% macro readers_of_schemas(engineers) %}
    {% set readers = {} %}
    {% for schema in source_schemas() %}{% do readers.update({schema: [engineers]}) %}{% endfor %}
    {% for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] %}
        {% set groups = readers.setdefault(node.schema, []) %}
        {% for group in node.config.grants.get('select', []) if group not in groups %}
            {% do groups.append(group) %}
        {% endfor %}
    {% endfor %}
    {{ return(readers) }}
{% endmacro %}

{% macro source_schemas() %}
    {{ return(graph.sources.values() | map(attribute='schema') | unique | sort) }}
{% endmacro %}

{# Grants what is declared and revokes everything else, so that nobody keeps a grant that was removed. #}
{% macro grant_on_schema(schema, privileges, readers) %}
    {% set place = 'schema ' ~ adapter.quote(target.database) ~ '.' ~ adapter.quote(schema) %}
    {% set held = [] %}
    {% set shown = run_query('show grants on ' ~ place) %}
    {% for grant in shown if grant[2] | upper == 'SCHEMA' and grant[1] | upper != 'OWN' %}
        {% do held.append((grant[1] | lower | replace('_', ' '), grant[0])) %}
    {% endfor %}
    {% for privilege, group in held if privilege not in privileges or group not in readers %}
        {% do run_query('revoke ' ~ privilege ~ ' on ' ~ place ~ ' from ' ~ adapter.quote(group)) %}
    {% endfor %}
    {% for privilege in privileges %}
        {% for group in readers if (privilege, group) not in held %}
            {% do run_query('grant ' ~ privilege ~ ' on ' ~ place ~ ' to ' ~ adapter.quote(group)) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}
