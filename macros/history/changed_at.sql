{# When a row was changed: no source knows what will have changed after its load, so a later date is a wrong clock. #}
{% macro changed_at() -%}
    case when modified_at > _ingested_at then _ingested_at else modified_at end
{%- endmacro %}
