-- Part of invariant 7. A provider the hospital knows, on the unknown member, is revenue that no one is credited with.
with

named as (
    {% for fact in ['fct_transactions', 'fct_encounters', 'fct_claims'] -%}
    {%- set entity = fact | replace('fct_', '') -%}
    {%- set key = entity_meta(entity).record_key if execute else 'key' -%}
    {% for parent in ['patient', 'provider', 'department'] -%}
    select
        '{{ fact }}' as fact,
        '{{ parent }}' as dimension,
        facts.{{ parent }}_version_key as version_key,
        {{ generate_surrogate_key(['records.source_system', 'records.' ~ parent ~ '_id']) }} as durable_key
    from {{ ref(fact) }} as facts
    inner join {{ ref('cdm_' ~ entity) }} as records on facts.{{ key }} = records.{{ key }}
    where records.{{ parent }}_id is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

known as (
    {% for parent in ['patient', 'provider', 'department'] -%}
    select
        '{{ parent }}' as dimension,
        {{ parent }}_key as durable_key,
        {{ parent }}_version_key as version_key
    from {{ ref('dim_' ~ parent) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

known_keys as (
    select distinct
        dimension,
        durable_key
    from known
)

select
    named.fact,
    named.dimension,
    count(*) as misnamed
from named
inner join known_keys on named.dimension = known_keys.dimension and named.durable_key = known_keys.durable_key
left join known
    on
        named.dimension = known.dimension
        and named.durable_key = known.durable_key
        and named.version_key = known.version_key
where known.version_key is null
group by named.fact, named.dimension
