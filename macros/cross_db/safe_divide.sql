{# A ratio as decimal(18,4); NULL where the denominator is 0 or NULL, for which engines differ. #}
{% macro safe_divide(numerator, denominator) -%}
    cast(cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0) as decimal(18, 4))
{%- endmacro %}
