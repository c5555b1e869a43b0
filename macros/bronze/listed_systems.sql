{# The systems of the control table in use, each with the entities it feeds: dbt_project.yml, vars.systems. #}
{% macro listed_systems() %}
    {{ return(var('systems')[env_var('RCM_BRONZE', 'models/bronze')]) }}
{% endmacro %}

{# Names of the systems that feed an entity, in the order of the list. #}
{% macro systems_feeding(entity) %}
    {% set names = [] %}
    {% for system, entities in listed_systems().items() %}
        {% if entity in entities %}{% do names.append(system) %}{% endif %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}

{# The parsed source node of one bronze table: its columns, and its load and map in config.meta. #}
{% macro bronze_node(system, entity) %}
    {{ return(graph.sources['source.' ~ project_name ~ '.' ~ system ~ '.' ~ entity]) }}
{% endmacro %}
