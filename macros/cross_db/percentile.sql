{# The interpolated percentile of the values that are not NULL, as decimal(18,4): an aggregate. For decimals, engines
   would interpolate to different scales. #}
{% macro percentile(expression, fraction) -%}
    cast({{ adapter.dispatch('percentile')('cast(' ~ expression ~ ' as double)', fraction) }} as decimal(18, 4))
{%- endmacro %}

{% macro default__percentile(expression, fraction) -%}
    percentile({{ expression }}, {{ fraction }})
{%- endmacro %}

{% macro duckdb__percentile(expression, fraction) -%}
    quantile_cont({{ expression }}, {{ fraction }})
{%- endmacro %}
