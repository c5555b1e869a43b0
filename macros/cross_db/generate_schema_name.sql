{# Schemas are named exactly as in dbt_project.yml (silver, history, gold), on every engine. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
