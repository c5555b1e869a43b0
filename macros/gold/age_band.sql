{# Age at a date in bands of ten years; all from 90 on in one band (Safe Harbor). #}
{% macro age_band(birth_date, at_date) -%}
    {%- set age = age_in_years(birth_date, at_date) -%}
    case
        when {{ birth_date }} is null then 'Unknown'
        when {{ age }} >= 90 then '90+'
        {%- for decade in range(80, -1, -10) %}
        when {{ age }} >= {{ decade }} then '{{ decade }}-{{ decade + 9 }}'
        {%- endfor %}
        else 'Unknown'
    end
{%- endmacro %}
