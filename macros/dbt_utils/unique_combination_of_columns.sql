{# dbt_utils' test of that name, and the package's own where it is installed: no two rows share the columns' values. #}
{% test unique_combination_of_columns(model, combination_of_columns, quote_columns=false) %}
{{ adapter.dispatch('test_unique_combination_of_columns', 'dbt_utils')(
    model, combination_of_columns, quote_columns
) }}
{% endtest %}

{% macro default__test_unique_combination_of_columns(model, combination_of_columns, quote_columns) %}
{%- set names = combination_of_columns -%}
{%- if quote_columns -%}
    {%- set names = [] -%}
    {%- for name in combination_of_columns %}{% do names.append(adapter.quote(name)) %}{% endfor -%}
{%- endif %}
select
    {{ names | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ names | join(', ') }}
having count(*) > 1
{% endmacro %}
