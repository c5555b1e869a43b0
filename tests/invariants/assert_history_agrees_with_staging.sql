-- Part of invariant 1. A record that staging holds as valid and history does not is a patient or a bill that vanished.
-- After a change of staging that history did not follow: dbt build --full-refresh.
with

{% for entity in entities() -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{{ entity }} as (
    select
        '{{ entity }}' as entity,
        coalesce(staged.{{ key }}, history.{{ key }}) as record_key
    from (
        select *
        from {{ ref('stg_' ~ entity) }}
        where row_status in ('valid', 'deleted')
    ) as staged
    full outer join {{ ref(entity ~ '_history') }} as history
        on
            staged.{{ key }} = history.{{ key }}
            and staged._arrival = history._arrival
            and staged._record_hash = history._record_hash
    group by coalesce(staged.{{ key }}, history.{{ key }})
    -- A version without its staged row, or a record with valid rows and no version.
    having
        count(*) filter (where staged.{{ key }} is null) > 0
        or (count(history.{{ key }}) = 0 and count(*) filter (where staged.row_status = 'valid') > 0)
){% if not loop.last %},{% endif %}

{% endfor -%}
{% for entity in entities() -%}
select * from {{ entity }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
