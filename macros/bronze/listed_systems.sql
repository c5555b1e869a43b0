{# The systems of the control table in use that a build takes in, each with the entities it feeds. #}
{% macro listed_systems() %}
    {% set left_out = left_out_systems() %}
    {% if not left_out %}{{ return(all_listed_systems()) }}{% endif %}
    {% set systems = {} %}
    {% for system, entities in all_listed_systems().items() if system not in left_out %}
        {% do systems.update({system: entities}) %}
    {% endfor %}
    {{ return(systems) }}
{% endmacro %}

{# Every system of the list, the ones that are left out of this build too: dbt_project.yml, vars.systems. #}
{% macro all_listed_systems() %}
    {{ return(var('systems')[env_var('RCM_BRONZE', 'models/bronze')]) }}
{% endmacro %}

{#
    Systems whose declaration is broken. dbt_rcm.py sets the variable before a build. What was staged of them before
    stays, so that history and gold keep them as they were last built.
#}
{% macro left_out_systems() %}
    {{ return(env_var('RCM_LEFT_OUT', '').split(',') | select | list) }}
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

{# Whether dbt could read the declaration of a bronze table; only of a system that is left out it may be none. #}
{% macro has_bronze_node(system, entity) %}
    {{ return(('source.' ~ project_name ~ '.' ~ system ~ '.' ~ entity) in graph.sources) }}
{% endmacro %}

{#
    What gold says of a hospital, from its last good build; none where it was never built. The declaration of a system
    that is left out cannot be trusted: a wrong label or time zone in it would change what stays as it was built.
#}
{% macro remembered(system, column) %}
    {% set hospitals = load_relation(api.Relation.create(target.get('database'), 'gold', 'dim_hospital')) %}
    {% if hospitals and column in adapter.get_columns_in_relation(hospitals) | map(attribute='name') | list %}
        {% set query = 'select max(' ~ column ~ ') from ' ~ hospitals ~ " where hospital_code = '" ~ system ~ "'" %}
        {{ return(run_query(query).columns[0].values()[0]) }}
    {% endif %}
{% endmacro %}

{# The name of a hospital on reports: the label of its YAML; of one that is left out the one it had, else its code. #}
{% macro system_label(system) %}
    {% if system in left_out_systems() %}{{ return(remembered(system, 'hospital_name') or system) }}{% endif %}
    {% for entity in all_listed_systems()[system] %}
        {{ return(bronze_node(system, entity).source_meta.get('label', system)) }}
    {% endfor %}
    {{ return(system) }}
{% endmacro %}

{# As systems_feeding, with the systems that are left out as far as it can be read how they compare keys. #}
{% macro systems_declaring(entity) %}
    {% set names = [] %}
    {% for system, entities in all_listed_systems().items() if entity in entities and has_bronze_node(system, entity) %}
        {% set node = bronze_node(system, entity) %}
        {% set said = [node.source_meta.get('dialect') or {}, node.config.meta.get('dialect') or {}] %}
        {% if said | reject('mapping') | list | length == 0 %}{% do names.append(system) %}{% endif %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}

{#
    Names that a record may give for its hospital (map.source_system): listed systems with records of their own, and
    entries without tables. ingestion/declared/hospitals.py says the same of the names of files.
#}
{% macro hospitals() %}
    {% set names = [] %}
    {% set all_entities = entities() %}
    {% for system, entities in all_listed_systems().items() %}
        {% set own = [] %}
        {% for entity in entities %}
            {% set named = has_bronze_node(system, entity)
                and 'source_system' in bronze_node(system, entity).config.meta.get('map', {}) %}
            {% if not named and entity in all_entities and 'source_system' in entity_meta(entity).key_columns %}
                {% do own.append(entity) %}
            {% endif %}
        {% endfor %}
        {% if own or not entities %}{% do names.append(system) %}{% endif %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}

{#
    A full refresh stages every row again, and cannot stage those of a system that is left out: it would leave gold
    without a word. So it is refused while such a system has rows in staging.
#}
{% macro refuse_to_forget() %}
    {% if execute and flags.FULL_REFRESH and left_out_systems() and writes_models() %}
        {% for system in left_out_systems() %}
            {% for entity in all_listed_systems()[system] if entity in entities() %}
                {% set staged = load_relation(api.Relation.create(target.get('database'), 'silver', 'stg_' ~ entity)) %}
                {% if staged and run_query(
                    'select 1 from ' ~ staged ~ " where _source_table = '" ~ system ~ '.' ~ entity ~ "' limit 1"
                ).rows %}
                    {{ exceptions.raise_compiler_error(
                        system ~ ' is left out of this build because its declaration is broken, and a full refresh '
                        ~ 'would lose its rows; correct it first: rcm plan names what is wrong'
                    ) }}
                {% endif %}
            {% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}
