{# True where the text contains a match of the regular expression; NULL stays NULL. #}
{% macro matches_pattern(expression, pattern) %}
    {{- adapter.dispatch('matches_pattern')(expression, pattern) -}}
{% endmacro %}

{% macro default__matches_pattern(expression, pattern) -%}
    ({{ expression }} rlike '{{ pattern }}')
{%- endmacro %}

{% macro duckdb__matches_pattern(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro %}
