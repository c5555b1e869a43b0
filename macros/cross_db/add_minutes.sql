{# A timestamp some minutes later, or earlier for a negative number. #}
{% macro add_minutes(moment, minutes) -%}
    {{ adapter.dispatch('add_minutes')(moment, minutes) }}
{%- endmacro %}

{% macro default__add_minutes(moment, minutes) -%}
    timestampadd(minute, {{ minutes }}, {{ moment }})
{%- endmacro %}

{% macro duckdb__add_minutes(moment, minutes) -%}
    {{ moment }} + to_minutes({{ minutes }})
{%- endmacro %}
