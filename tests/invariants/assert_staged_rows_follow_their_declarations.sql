-- A warning: rows that were staged before a map, a format, a severity or a rule changed still have the old verdict.
-- dbt build --full-refresh stages them again from bronze.
{{ config(severity='warn') }}
{%- set declarations = [] -%}
{%- for system, entities in listed_systems().items() if execute -%}
{%- for entity in entities -%}
{%- do declarations.append([system ~ '.' ~ entity, declaration_hash(system, entity)]) -%}
{%- endfor -%}
{%- endfor %}

with

declared as (
    {{ literal_rows(['_source_table', '_declaration_hash'], declarations) | indent(4) }}
)

select distinct
    staged._source_table,
    staged._declaration_hash
from {{ ref('dq_staged_rows') }} as staged
inner join declared on staged._source_table = declared._source_table
where staged._declaration_hash <> declared._declaration_hash
