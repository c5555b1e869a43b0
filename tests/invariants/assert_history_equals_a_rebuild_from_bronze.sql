-- Invariants 8, 9 and 10. A version that history lost, invented or dated differently from bronze is a patient or a bill
-- that vanished, or a correction posted to the wrong month. Columns are compared, not their hashes: two contents with
-- one hash would be a correction that is lost for ever. After a change of staging that history did not follow, run
-- dbt build --full-refresh.
with

{% for entity in entities() -%}
{{ entity }}_rebuilt as (
    {{ scd2_from_bronze(entity) | indent(4) }}
),

{% endfor -%}
differing as (
    {% for entity in entities() -%}
    {%- set key = entity_meta(entity).record_key if execute else 'key' -%}
    select
        '{{ entity }}' as entity,
        coalesce(rebuilt.{{ key }}, recorded.{{ key }}) as record_key,
        rebuilt._arrival as rebuilt_arrival,
        recorded._arrival as recorded_arrival,
        rebuilt.valid_from as rebuilt_valid_from,
        recorded.dbt_valid_from as recorded_valid_from,
        rebuilt.valid_to as rebuilt_valid_to,
        recorded.dbt_valid_to as recorded_valid_to,
        rebuilt.is_deleted as is_deleted_rebuilt,
        recorded.is_deleted as is_deleted_recorded
    from {{ entity }}_rebuilt as rebuilt
    left join {{ ref('stg_' ~ entity) }} as staged
        on rebuilt.{{ key }} = staged.{{ key }} and rebuilt._arrival = staged._arrival
    full outer join {{ ref(entity ~ '_history') }} as recorded
        on rebuilt.{{ key }} = recorded.{{ key }} and rebuilt.version_number = recorded.version_number
    where
        rebuilt._arrival is distinct from recorded._arrival
        or rebuilt.valid_from is distinct from recorded.dbt_valid_from
        or rebuilt.valid_to is distinct from recorded.dbt_valid_to
        or rebuilt.is_deleted is distinct from recorded.is_deleted
        {%- for column in (kept_columns(entity) if execute else []) %}
        or staged.{{ column }} is distinct from recorded.{{ column }}
        {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

select * from differing
