{# A folder of the lakehouse as every engine finds it: Spark would look for a relative one in its own warehouse. #}
{% macro lakehouse_location(folder) %}
    {% set root = env_var('RCM_LAKEHOUSE', 'lakehouse') %}
    {% set root = root if root.startswith('/') or '://' in root else flags.PROJECT_DIR ~ '/' ~ root %}
    {{ return(root ~ '/' ~ folder) }}
{% endmacro %}

{#
    dbt-spark's place of a table: below spark/ of the lakehouse, a folder per schema. Databricks manages its tables
    itself and has a macro of its own.
#}
{% macro spark__location_clause() -%}
    location '{{ lakehouse_location('spark/' ~ model.schema ~ '/' ~ model.alias) }}'
{%- endmacro %}
