{#
    An entity's history (SCD type 2) rebuilt from all its staged bronze rows, in order of arrival: the content that
    <entity>_history must have after any number of builds, batches and restarts. It implements the rules of
    versions_to_record independently: a row older than one that arrived since the last full read is late-arriving; a run
    of rows with equal columns is one version, which is valid from the newest date so far. It compares columns, not
    hashes.
#}
{% macro scd2_from_bronze(entity) %}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{%- set columns = kept_columns(entity) | reject('equalto', 'modified_at') | list if execute else [] -%}
{%- set so_far = 'partition by ' ~ key ~ ' order by _arrival rows between unbounded preceding and current row' -%}
with

arrivals as (
    select
        {{ key }},
        _arrival,
        _load_type,
        _record_hash,
        _ingested_at,
        row_status = 'deleted' as is_deleted,
        case when row_status = 'valid' then {{ changed_at() }} end as changed_at
    from {{ ref('stg_' ~ entity) }}
    where row_status in ('valid', 'deleted') and {{ is_released() }}
),

-- Most records arrive once and need no window.
records as (
    select
        {{ key }},
        count(*) as arrivals,
        min(case when not is_deleted then _arrival end) as first_arrival,
        min(_record_hash) as _record_hash,
        min(coalesce(changed_at, _ingested_at)) as changed_at
    from arrivals
    group by {{ key }}
),

read_in_full as (
    select
        arrivals.*,
        max(case when arrivals._load_type = 'full' then arrivals._arrival else '' end) over (
            partition by arrivals.{{ key }} order by arrivals._arrival
            rows between unbounded preceding and current row
        ) as full_arrival
    from arrivals
    inner join records on arrivals.{{ key }} = records.{{ key }}
    -- A record that never existed cannot be deleted.
    where records.arrivals > 1 and arrivals._arrival >= records.first_arrival
),

dated as (
    select
        *,
        max(changed_at) over (
            partition by {{ key }}, full_arrival order by _arrival
            rows between unbounded preceding and current row
        ) as newest_since_full,
        max(changed_at) over ({{ so_far }}) as newest_of_all,
        max(case when is_deleted then _ingested_at end) over ({{ so_far }}) as deleted_at
    from read_in_full
),

in_time as (
    select
        *,
        case
            when is_deleted or changed_at is null then _ingested_at
            when changed_at < greatest(newest_of_all, coalesce(deleted_at, newest_of_all)) then _ingested_at
            else newest_of_all
        end as holds_from,
        row_number() over (partition by {{ key }} order by _arrival) as ordinal
    from dated
    where changed_at is null or changed_at = newest_since_full
),

contents as (
    select
        in_time.*
        {%- for column in columns %},
        staged.{{ column }}
        {%- endfor %}
    from in_time
    inner join {{ ref('stg_' ~ entity) }} as staged
        on in_time.{{ key }} = staged.{{ key }} and in_time._arrival = staged._arrival
),

repeated as (
    select
        contents.{{ key }},
        contents.ordinal
    from contents
    inner join contents as previous
        on contents.{{ key }} = previous.{{ key }} and contents.ordinal = previous.ordinal + 1
    where
        contents.is_deleted = previous.is_deleted
        {%- for column in columns %}
        and contents.{{ column }} is not distinct from previous.{{ column }}
        {%- endfor %}
),

compared as (
    select
        contents.*,
        case when repeated.ordinal is null then 1 else 0 end as is_change
    from contents
    left join repeated on contents.{{ key }} = repeated.{{ key }} and contents.ordinal = repeated.ordinal
),

numbered as (
    select
        {{ key }},
        _arrival,
        _record_hash,
        is_deleted,
        sum(is_change) over ({{ so_far }}) as version_number,
        max(holds_from) over ({{ so_far }}) as valid_from
    from compared
),

versions as (
    select
        {{ key }},
        version_number,
        min(_arrival) as _arrival,
        min_by(_record_hash, _arrival) as _record_hash,
        min(valid_from) as valid_from,
        bool_and(is_deleted) as is_deleted
    from numbered
    group by {{ key }}, version_number

    union all

    select
        {{ key }},
        1 as version_number,
        first_arrival as _arrival,
        _record_hash,
        changed_at as valid_from,
        false as is_deleted
    from records
    where arrivals = 1 and first_arrival is not null
)

select
    versions.{{ key }},
    cast(versions.version_number as bigint) as version_number,
    versions.valid_from,
    coalesce(following.valid_from, {{ open_end() }}) as valid_to,
    versions._record_hash,
    versions.is_deleted,
    versions._arrival
from versions
left join versions as following
    on versions.{{ key }} = following.{{ key }} and versions.version_number + 1 = following.version_number
{%- endmacro %}
