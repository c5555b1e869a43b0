{# HFMA's aging buckets as rows, from vars.aging_buckets: label, from_days, to_days (none: open), is over 90. #}
{% macro aging_buckets() %}
    {% set rows = [] %}
    {% for last in var('aging_buckets') %}
        {% set first = 0 if loop.first else loop.previtem + 1 %}
        {% do rows.append({'label': first ~ '-' ~ last, 'from_days': first, 'to_days': last}) %}
    {% endfor %}
    {% set last = var('aging_buckets') | last %}
    {% do rows.append({'label': '>' ~ last, 'from_days': last + 1, 'to_days': none}) %}
    {{ return(rows) }}
{% endmacro %}

{# The bucket of an age. What is dated after the day it stands at is not due yet: the first one. #}
{% macro aging_bucket(age_days) -%}
    case
        {%- for bucket in aging_buckets()[:-1] %}
        when {{ age_days }} <= {{ bucket.to_days }} then '{{ bucket.label }}'
        {%- endfor %}
        else '{{ (aging_buckets() | last).label }}'
    end
{%- endmacro %}

{% macro is_over_90_days(age_days) -%}
    {{ age_days }} > 90
{%- endmacro %}

{#
    Ages of what waits to be billed, from vars.unbilled_ages: label and to_days. The last one ends at the payer's limit
    for filing; beyond it a line is never billed.
#}
{% macro unbilled_ages() %}
    {% set rows = [] %}
    {% for last in var('unbilled_ages') %}
        {% set first = 0 if loop.first else loop.previtem + 1 %}
        {% do rows.append({'label': first ~ '-' ~ last, 'to_days': last}) %}
    {% endfor %}
    {% do rows.append({'label': '>' ~ (var('unbilled_ages') | last), 'to_days': none}) %}
    {{ return(rows) }}
{% endmacro %}
