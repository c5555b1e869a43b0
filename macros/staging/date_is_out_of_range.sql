{# True where a date or an instant lies before 1900 or after the day its row was loaded. #}
{% macro date_is_out_of_range(column) -%}
    {{ column }} < date '1900-01-01' or cast({{ column }} as date) > {{ local_date('_ingested_at') }}
{%- endmacro %}
