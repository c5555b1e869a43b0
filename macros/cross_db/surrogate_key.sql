{# The algorithm and argument of dbt_utils.generate_surrogate_key: both give the same key. #}
{% macro generate_surrogate_key(field_list) -%}
    md5({% for field in field_list -%}
        coalesce(cast({{ field }} as string), '_dbt_utils_surrogate_key_null_')
        {%- if not loop.last %} || '-' || {% endif -%}
    {%- endfor %})
{%- endmacro %}
