{# Completed years from a birth to a day; engines' own year differences count calendar years. #}
{% macro age_in_years(birth_date, at_date) -%}
    (year({{ at_date }}) - year({{ birth_date }})
    - case
        when month({{ at_date }}) * 100 + day({{ at_date }}) < month({{ birth_date }}) * 100 + day({{ birth_date }})
            then 1
        else 0
    end)
{%- endmacro %}
