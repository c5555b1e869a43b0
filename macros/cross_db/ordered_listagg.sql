{# The texts of a group in one text, ordered by another column: an aggregate. dbt's listagg has no order on Spark. #}
{% macro ordered_listagg(text, separator, order_by) -%}
    {{ adapter.dispatch('ordered_listagg')(text, separator, order_by) }}
{%- endmacro %}

{% macro default__ordered_listagg(text, separator, order_by) -%}
    array_join(
        transform(array_sort(collect_list(struct({{ order_by }}, {{ text }}))), item -> item.{{ text }}),
        '{{ separator }}'
    )
{%- endmacro %}

{% macro duckdb__ordered_listagg(text, separator, order_by) -%}
    string_agg({{ text }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}
