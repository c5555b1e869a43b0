{# The current valid version of every record: a view over history, so that wide data is stored once. #}
{% macro current_records(entity) -%}
select
    {% for name in model.columns -%}
    {{ name }}{% if not loop.last %},{% endif %}
    {% endfor -%}
from {{ ref(entity ~ '_history') }}
where dbt_valid_to = {{ open_end() }} and not is_deleted
{%- endmacro %}

{# valid_to of a version that is still valid. #}
{% macro open_end() -%}cast('9999-12-31' as timestamp){%- endmacro %}
