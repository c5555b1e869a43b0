-- Each listed system and whether this build took it in. One that is left out keeps its place in gold as it was last
-- built: a reader must see that its numbers are older than the others'.
{% set rows = [] -%}
{% set left_out = left_out_systems() -%}
{% for system in all_listed_systems() if execute -%}
{% do rows.append([system, system_label(system), system in left_out]) -%}
{% endfor -%}

with

listed as (
    {{ literal_rows(['source_system', 'system_name', 'is_left_out'], rows) | indent(4) }}
),

staged as (
    select
        split_part(_source_table, '.', 1) as source_system,
        max(_ingested_at) as last_staged_at
    from {{ ref('dq_staged_rows') }}
    group by split_part(_source_table, '.', 1)
),

final as (
    select
        coalesce(listed.source_system, staged.source_system) as source_system,
        coalesce(listed.system_name, staged.source_system) as system_name,
        listed.source_system is not null as is_listed,
        coalesce(cast(listed.is_left_out as boolean), false) as is_left_out,
        staged.last_staged_at
    from listed
    full outer join staged on listed.source_system = staged.source_system
)

select * from final
