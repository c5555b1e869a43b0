{# True where a date lies before 1900 or after the load of its row. #}
{% macro date_is_out_of_range(column) -%}
    {{ column }} < date '1900-01-01' or {{ column }} > cast(_ingested_at as date)
{%- endmacro %}
