-- Part of invariant 10. Between two versions of a provider lies a day on which revenue is credited to no one; where two
-- overlap, it is credited twice.
with

versions as (
    {% for parent in ['patient', 'provider', 'department'] -%}
    select
        '{{ parent }}' as dimension,
        {{ parent }}_version_key as version_key,
        valid_from,
        valid_to,
        is_current,
        row_number() over (partition by {{ parent }}_key order by valid_from, valid_to) as ordinal,
        lead(valid_from) over (partition by {{ parent }}_key order by valid_from, valid_to) as next_valid_from
    from {{ ref('dim_' ~ parent) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

select *
from versions
where
    valid_from > valid_to
    or (ordinal = 1) <> (valid_from = {{ open_start() }})
    or valid_to <> coalesce(next_valid_from, {{ open_end() }})
    or is_current <> (next_valid_from is null)
