{# dbt_utils' macro and recipe, and the package's own where it is installed (docs/extending.md, dbt-utils). #}
{% macro generate_surrogate_key(field_list) -%}
    {{ adapter.dispatch('generate_surrogate_key', 'dbt_utils')(field_list) | trim }}
{%- endmacro %}

{% macro default__generate_surrogate_key(field_list) -%}
    md5({% for field in field_list -%}
        coalesce(cast({{ field }} as string), '_dbt_utils_surrogate_key_null_')
        {%- if not loop.last %} || '-' || {% endif -%}
    {%- endfor %})
{%- endmacro %}
