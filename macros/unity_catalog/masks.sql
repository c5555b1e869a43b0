{#
    What identifies a person is tagged once: source columns in models/bronze, the common data model in
    _cdm__models.yml. From these tags Unity Catalog gets a mask and a tag on every such column that is stored. A mask is
    a second barrier: grants already exclude all but engineers; it holds if somebody is granted more by hand.
#}

{# One function per type; NULL and not a text, so that SQL that depends on the type keeps working. #}
{% macro create_masks(engineers) %}
    {% do run_query('create schema if not exists ' ~ adapter.quote(target.database) ~ '.governance') %}
    {% for data_type in phi_columns() | map(attribute='data_type') | unique | sort %}
        {% do run_query(
            'create or replace function ' ~ mask_of(data_type) ~ '(value ' ~ data_type ~ ') returns ' ~ data_type
            ~ " return case when is_account_group_member('" ~ engineers ~ "') then value end"
        ) %}
    {% endfor %}
{% endmacro %}

{% macro mask_of(data_type) -%}
    {%- set word = data_type | replace('(', '_') | replace(',', '_') | replace(')', '') -%}
    {{ adapter.quote(target.database) }}.governance.mask_{{ word }}
{%- endmacro %}

{# Every tagged column there is, of sources and of the common data model. #}
{% macro phi_columns() %}
    {% set tagged = [] %}
    {% set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list %}
    {% for node in graph.sources.values() | list + models %}
        {% do tagged.extend(tagged_columns(node)) %}
    {% endfor %}
    {{ return(tagged) }}
{% endmacro %}

{% macro tagged_columns(node) %}
    {% set tagged = [] %}
    {% for column in node.columns.values() if column.config.meta.get('phi') %}
        {% do tagged.append({'name': column.name, 'data_type': column.data_type, 'phi': column.config.meta.phi}) %}
    {% endfor %}
    {{ return(tagged) }}
{% endmacro %}

{#
    Masks and tags the current model or snapshot, which has the columns of its entity; a post-hook. A snapshot of
    something else has no entity and no tags.
#}
{% macro protect_entity() %}
    {% set entity = model.name | replace('stg_', '') | replace('_history', '') %}
    {% if execute and entity in entities() %}
        {% do protect(this, tagged_columns(graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity])) %}
    {% endif %}
{% endmacro %}

{# Masks and tags the registered bronze tables; what was never loaded is a view without rows. #}
{% macro protect_bronze() %}
    {% if execute and writes_models() %}{% do adapter.dispatch('protect_bronze')() %}{% endif %}
{% endmacro %}

{% macro default__protect_bronze() %}
{% endmacro %}

{% macro databricks__protect_bronze() %}
    {% set found = run_query(
        'select table_schema, table_name from ' ~ adapter.quote(target.database)
        ~ ".information_schema.tables where table_schema like 'bronze%' and table_type <> 'VIEW'"
    ) %}
    {% for schema, name in found.rows %}
        {% for node in graph.sources.values() if node.schema == schema and node.identifier == name %}
            {% set relation = api.Relation.create(target.database, schema, name, type='table') %}
            {% do protect(relation, tagged_columns(node)) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}

{% macro protect(relation, tagged) %}
    {% do adapter.dispatch('protect')(relation, tagged) %}
{% endmacro %}

{% macro default__protect(relation, tagged) %}
{% endmacro %}

{#
    Uses dbt-databricks' own statements, where masks and tags are missing. Its column configuration would have to repeat
    them for staging, history and bronze, and it masks neither snapshots nor tables it does not build.
#}
{% macro databricks__protect(relation, tagged) %}
    {% if tagged %}
        {% set relation = relation.incorporate(type='table') %}
        {% set masks = fetch_column_masks(relation).columns[0].values() | map('lower') | list %}
        {% set tags = fetch_column_tags(relation).rows | map('list') | list %}
        {% for column in tagged %}
            {% if column.name | lower not in masks %}
                {% set mask = {'function': mask_of(column.data_type)} %}
                {% do run_query(alter_set_column_mask(relation, column.name, mask)) %}
            {% endif %}
            {% if [column.name, 'phi', column.phi] not in tags %}
                {% do run_query(alter_set_column_tags(relation, column.name, {'phi': column.phi})) %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
