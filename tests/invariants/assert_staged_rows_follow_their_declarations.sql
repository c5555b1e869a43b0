-- A warning: rows that were staged before a map, a format, a severity or a rule changed still have the old verdict.
-- dbt build --full-refresh stages them again from bronze.
{{ config(severity='warn') }}

with

staged as (
    {% for entity in entities() -%}
    select distinct
        _source_table,
        _declaration_hash
    from {{ ref('stg_' ~ entity) }}
    where _declaration_hash is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

declared as (
    select
        cast(null as string) as _source_table,
        cast(null as string) as _declaration_hash
    {%- for system, tables in listed_systems().items() if execute %}
    {%- for entity in tables %}
    union all
    select
        '{{ system }}.{{ entity }}' as _source_table,
        '{{ declaration_hash(system, entity) }}' as _declaration_hash
    {%- endfor %}
    {%- endfor %}
)

select
    staged._source_table,
    staged._declaration_hash
from staged
inner join declared on staged._source_table = declared._source_table
where staged._declaration_hash <> declared._declaration_hash
