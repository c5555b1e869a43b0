{# Text in a declared format (letters of Java's DateTimeFormatter, as in M/d/yyyy) to a date; NULL if it is not one. #}
{% macro try_to_date(expression, format) %}
    {{- adapter.dispatch('try_to_date')(expression, format) -}}
{% endmacro %}

{% macro default__try_to_date(expression, format) -%}
    cast(try_to_timestamp({{ expression }}, '{{ format }}') as date)
{%- endmacro %}

{% macro duckdb__try_to_date(expression, format) -%}
    {%- set strptime = format
        | replace('yyyy', '%Y') | replace('yy', '%y')
        | replace('MMM', '%b') | replace('MM', '%m') | replace('M', '%m')
        | replace('dd', '%_') | replace('d', '%d') | replace('%_', '%d') -%}
    cast(try_strptime({{ expression }}, '{{ strptime }}') as date)
{%- endmacro %}
