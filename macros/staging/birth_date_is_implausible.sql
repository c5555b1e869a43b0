{# True where a birth lies after the load of its row or more than 120 years before it. #}
{% macro birth_date_is_implausible(column) -%}
    {{ column }} > {{ local_date('_ingested_at') }} or {{ age_in_years(column, '_ingested_at') }} > 120
{%- endmacro %}
