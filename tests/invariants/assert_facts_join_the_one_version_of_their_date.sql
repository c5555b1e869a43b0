-- Part of invariant 7. A provider the hospital knows, on the unknown member or on another date's version, is revenue
-- credited to no one or to the wrong department; two versions on one date bill it twice.
{%- set dated = {
    'fct_transactions': ('transactions', 'service_date', ['patient', 'provider', 'department']),
    'fct_encounters': ('encounters', 'encounter_date', ['patient', 'provider', 'department']),
    'fct_claims': ('claims', 'service_date', ['patient', 'provider', 'department']),
    'fct_adjustments': ('adjustments', 'service_date', ['provider', 'department']),
} %}
with

events as (
    {% for fact, (entity, event_date, parents) in dated.items() -%}
    {%- set key = entity_meta(entity).record_key if execute else 'key' -%}
    {% for parent in parents -%}
    select
        '{{ fact }}' as fact,
        '{{ parent }}' as dimension,
        {{ generate_surrogate_key(['records.source_system', 'records.' ~ parent ~ '_id']) }} as durable_key,
        facts.{{ event_date }} as event_date,
        facts.{{ parent }}_version_key as version_key
    from {{ ref(fact) }} as facts
    inner join {{ ref('cdm_' ~ entity) }} as records on facts.{{ key }} = records.{{ key }}
    where records.{{ parent }}_id is not null
    union all
    {% endfor -%}
    {% endfor -%}
    -- The ledger has durable keys: readers join the version themselves.
    {% for parent in ['patient', 'provider', 'department'] -%}
    select
        'fct_ar_events' as fact,
        '{{ parent }}' as dimension,
        {{ parent }}_key as durable_key,
        service_date as event_date,
        cast(null as string) as version_key
    from {{ ref('fct_ar_events') }}
    where {{ parent }}_key <> '-2'
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

versions as (
    {% for parent in ['patient', 'provider', 'department'] -%}
    select
        '{{ parent }}' as dimension,
        {{ parent }}_key as durable_key,
        {{ parent }}_version_key as version_key,
        valid_from,
        valid_to
    from {{ ref('dim_' ~ parent) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

known as (
    select distinct
        dimension,
        durable_key
    from versions
),

-- A fact has far fewer pairs of key and date than rows.
dates as (
    select
        events.fact,
        events.dimension,
        events.durable_key,
        events.event_date,
        events.version_key,
        count(*) as fact_rows
    from events
    inner join known on events.dimension = known.dimension and events.durable_key = known.durable_key
    group by events.fact, events.dimension, events.durable_key, events.event_date, events.version_key
),

joined as (
    select
        dates.fact,
        dates.dimension,
        dates.durable_key,
        dates.event_date,
        dates.version_key,
        dates.fact_rows,
        count(versions.version_key) as matches,
        min(versions.version_key) as matched_version_key
    from dates
    left join versions
        on
            dates.dimension = versions.dimension
            and dates.durable_key = versions.durable_key
            and {{ as_of('dates.event_date', 'versions') }}
    group by
        dates.fact, dates.dimension, dates.durable_key, dates.event_date, dates.version_key, dates.fact_rows
)

select
    fact,
    dimension,
    sum(fact_rows) as fact_rows,
    min(matches) as fewest_matches,
    max(matches) as most_matches
from joined
where matches <> 1 or version_key <> matched_version_key
group by fact, dimension
