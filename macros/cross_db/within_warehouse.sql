{#
    A relation as a view names it. A DuckDB view without a catalog reads the file it is in, whatever name that file is
    attached by; with one it fails everywhere but in the file's own name.
#}
{% macro within_warehouse(relation) -%}
    {{ return(adapter.dispatch('within_warehouse')(relation)) }}
{%- endmacro %}

{% macro default__within_warehouse(relation) %}{{ return(relation) }}{% endmacro %}

{% macro duckdb__within_warehouse(relation) %}{{ return(relation.include(database=false)) }}{% endmacro %}
