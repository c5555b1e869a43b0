{# A folder of the lakehouse; a relative path starts where dbt runs. #}
{% macro lakehouse_location(folder) %}
    {{ return(adapter.dispatch('lakehouse_location')(env_var('RCM_LAKEHOUSE', 'lakehouse')) ~ '/' ~ folder) }}
{% endmacro %}

{% macro default__lakehouse_location(root) %}
    {{ return(root) }}
{% endmacro %}

{# Spark resolves a relative path in its own warehouse. #}
{% macro spark__lakehouse_location(root) %}
    {% set is_absolute = root.startswith('/') or '://' in root %}
    {{ return(root if is_absolute else invocation_args_dict['project_dir'] ~ '/' ~ root) }}
{% endmacro %}

{#
    dbt-spark's place of a table: below spark/ of the lakehouse, a folder per schema. Databricks manages its tables
    itself and has a macro of its own.
#}
{% macro spark__location_clause() -%}
    location '{{ lakehouse_location('spark/' ~ model.schema ~ '/' ~ model.alias) }}'
{%- endmacro %}
