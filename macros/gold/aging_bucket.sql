{# HFMA's aging buckets; day 90 belongs to 61-90, so that "over 90" begins at day 91. #}
{% macro aging_bucket(age_days) -%}
    case
        when {{ age_days }} <= 30 then '0-30'
        when {{ age_days }} <= 60 then '31-60'
        when {{ age_days }} <= 90 then '61-90'
        when {{ age_days }} <= 120 then '91-120'
        when {{ age_days }} <= 180 then '121-180'
        else '>180'
    end
{%- endmacro %}
