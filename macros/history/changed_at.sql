{# When a row was changed: a date of change after the load comes from a wrong clock and counts as the load's. #}
{% macro changed_at() -%}
    case when modified_at > _ingested_at then _ingested_at else modified_at end
{%- endmacro %}
