{# A text as it stands between the quotes of an SQL literal. #}
{% macro escaped_text(text) %}
    {{- return(adapter.dispatch('escaped_text')(text)) -}}
{% endmacro %}

{% macro default__escaped_text(text) %}
    {{ return(text | replace('\\', '\\\\') | replace("'", "\\'")) }}
{% endmacro %}

{% macro duckdb__escaped_text(text) %}
    {{ return(text | replace("'", "''")) }}
{% endmacro %}
