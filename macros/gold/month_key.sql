{# Month of a date as yyyymm. #}
{% macro month_key(date) -%}
    cast(year({{ date }}) * 100 + month({{ date }}) as bigint)
{%- endmacro %}
