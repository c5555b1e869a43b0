{#
    When a source table was last loaded without an error, UTC: what `dbt source freshness` measures. It comes from the
    load log and not from the rows, because a table in which nothing changed is still fresh. Finding an empty landing
    folder is not a load.
#}
{% macro last_good_load(relation) -%}
    select max(started_at) from audit.load_log
    where
        concat('bronze_', system) = '{{ relation.schema }}'
        and {{ adapter.quote('table') }} = '{{ relation.identifier }}'
        and status in ('committed', 'unchanged', 'duplicate_file')
{%- endmacro %}
