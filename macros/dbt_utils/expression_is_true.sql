{# dbt_utils' test of that name, and the package's own where it is installed: the expression holds for every row. #}
{% test expression_is_true(model, expression, column_name=none) %}
{{ adapter.dispatch('test_expression_is_true', 'dbt_utils')(model, expression, column_name) }}
{% endtest %}

{% macro default__test_expression_is_true(model, expression, column_name) %}
select *
from {{ model }}
where not ({{ column_name ~ ' ' if column_name }}{{ expression }})
{% endmacro %}
