{# Days, months or years added to a date, as a date. dbt-spark's own counts seconds since 1970. #}
{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- set months = {'month': 1, 'quarter': 3, 'year': 12} -%}
    {%- if datepart in months -%}
        add_months({{ from_date_or_timestamp }}, cast({{ interval }} * {{ months[datepart] }} as int))
    {%- elif datepart == 'day' -%}
        date_add({{ from_date_or_timestamp }}, cast({{ interval }} as int))
    {%- else -%}
        {{ exceptions.raise_compiler_error('dateadd: ' ~ datepart ~ ' is not a part of a date') }}
    {%- endif -%}
{%- endmacro %}
