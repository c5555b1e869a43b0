{#
    Relations of an entity: what is judged on its current records together with the record they refer to, so that a
    parent which arrives later mends its orphans. Declared at the referencing column of the CDM contract:
    `references: <entity>` alone says that the parent exists; `relations` says more, as SQL over `child` and `parent`.
#}
{% macro relations(entity) %}
    {% set found = [] %}
    {% for column in graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity].columns.values() %}
        {% set parent = column.config.meta.get('references') %}
        {% if parent %}
            {% set missing = parent_missing() %}
            {% do found.append({
                'name': missing.name.replace('{column}', column.name), 'column': column.name, 'parent': parent,
                'severity': missing.severity, 'description': missing.description.replace('{parent}', parent)
            }) %}
            {% for relation in column.config.meta.get('relations', []) %}
                {% do found.append(dict(relation, column=column.name, parent=parent)) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{# The relation that every reference has; docs/generate_tables.py reads it, too. #}
{% macro parent_missing() %}
    {{ return({
        'name': '{column}_not_found', 'severity': 'warn',
        'description': 'The {parent} record it names does not exist; facts use the unknown member.'
    }) }}
{% endmacro %}

{#
    The source tables of an entity that a relation judges, as {source table: {severity, limit}}: not those that ignore
    it, nor those whose codes are of another system than the code table's. None where no listed system feeds the parent:
    without a code table nothing can be said about a code.
#}
{% macro tables_related(relation, entity) %}
    {% set coded = cdm_column(entity, relation.column).config.meta.get('code_systems') %}
    {% set tables = {} %}
    {% for system in systems_feeding(entity) if systems_feeding(relation.parent) %}
        {% set meta = bronze_node(system, entity).config.meta %}
        {% set severity = meta.get('severity', {}).get(relation.name, relation.severity) %}
        {% set foreign = [] %}
        {% for name in (code_systems_of(system, entity, relation.column) if coded else []) if name not in coded %}
            {% do foreign.append(name) %}
        {% endfor %}
        {% if severity != 'ignore' and not foreign %}
            {% set limit = meta.get('limits', {}).get(relation.name, relation.get('limit', var('orphan_limit'))) %}
            {% do tables.update({system ~ '.' ~ entity: {'severity': severity, 'limit': limit}}) %}
        {% endif %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}
