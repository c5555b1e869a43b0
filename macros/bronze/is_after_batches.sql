{# True for rows of batches newer than those seen, and of tables not seen at all; seen comes from batches_seen(). #}
{% macro is_after_batches(seen, alias=none) -%}
{%- set table = alias ~ '._source_table' if alias else '_source_table' -%}
{%- set batch = alias ~ '._batch_id' if alias else '_batch_id' -%}
(
    {%- for source_table, batch_id in seen.items() %}
    ({{ table }} = '{{ source_table }}' and {{ batch }} > '{{ batch_id }}') or
    {%- endfor %}
    {{ table }} not in ('' {%- for source_table in seen %}, '{{ source_table }}'{% endfor %})
)
{%- endmacro %}

{# What an incremental model already holds; a macro, so that a unit test can set it without an existing table. #}
{% macro batches_posted(relation) %}
    {{ return(batches_seen(relation) if is_incremental() else {}) }}
{% endmacro %}
