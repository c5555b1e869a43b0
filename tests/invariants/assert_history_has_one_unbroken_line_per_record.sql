-- Invariant 10. An overlap counts a record twice in a fact, a gap loses it; two current versions count its money twice.
with

{% for entity in entities() -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{{ entity }} as (
    select
        '{{ entity }}' as entity,
        {{ key }} as record_key,
        version_number,
        dbt_valid_from,
        dbt_valid_to,
        _record_hash,
        lead(version_number) over (partition by {{ key }} order by version_number) as next_version_number,
        lead(dbt_valid_from) over (partition by {{ key }} order by version_number) as next_valid_from,
        lead(_record_hash) over (partition by {{ key }} order by version_number) as next_record_hash
    from {{ ref(entity ~ '_history') }}
),

{% endfor -%}
versions as (
    {% for entity in entities() -%}
    select * from {{ entity }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

select *
from versions
where
    dbt_valid_from > dbt_valid_to
    or (next_version_number is null and dbt_valid_to <> {{ open_end() }})
    or (next_version_number is not null and dbt_valid_to <> next_valid_from)
    or next_version_number <> version_number + 1
    or next_record_hash = _record_hash
