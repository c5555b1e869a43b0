{#
    Versions of an entity's records (SCD type 2) that its history does not have yet, from all pending batches, in order
    of arrival: one row per version. Not included are late-arriving rows, older than one that arrived before them
    (superseded, never current), and rows whose content equals the version before them (touched).

    A full read is the truth: its rows, and the deletions that it shows, are never late, whatever date they have. Later
    increments are compared with what arrived since. Batches that wait for a person's decision are left out, and so
    are later ones of their table.
#}
{% macro versions_to_record(entity) %}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{%- set staging = ref('stg_' ~ entity) -%}
{%- set history = history_to_extend() if execute else none -%}
{%- set recorded_until = batches_seen(this) if history else {} -%}
with

arrived as (
    select *
    from {{ staging }}
    where row_status in ('valid', 'deleted') and {{ is_released() }}
),

{% if history -%}
pending_keys as (
    select distinct {{ key }}
    from arrived
    where {{ is_after_batches(recorded_until) }}
),

{% endif -%}
arrivals as (
    select
        {{ key }},
        _arrival,
        _record_hash,
        row_status,
        {{ changed_at() }} as modified_at,
        _ingested_at,
        -- Deletions are of full reads, too.
        case when _load_type = 'full' then 1 else 0 end as is_full_read
    from arrived
    {%- if history %}
    where {{ key }} in (select {{ key }} from pending_keys)
    {%- endif %}
),

repeated as (
    select {{ key }}
    from arrivals
    group by {{ key }}
    having count(*) > 1
),

in_order as (
    select
        *,
        sum(is_full_read) over (
            partition by {{ key }} order by _arrival rows between unbounded preceding and current row
        ) as full_reads,
        max(modified_at) over (
            partition by {{ key }} order by _arrival rows between unbounded preceding and 1 preceding
        ) as newest_before,
        count(case when row_status = 'valid' then 1 end) over (
            partition by {{ key }} order by _arrival rows between unbounded preceding and 1 preceding
        ) as valid_before
    from arrivals
    where {{ key }} in (select {{ key }} from repeated)
),

since_full_read as (
    select
        *,
        max(case when row_status = 'valid' then modified_at end) over (
            partition by {{ key }}, full_reads order by _arrival rows between unbounded preceding and 1 preceding
        ) as newest_since_full_read
    from in_order
),

timely as (
    select
        *,
        lag(_record_hash) over (partition by {{ key }} order by _arrival) as previous_record_hash
    from since_full_read
    where
        -- A row without a date of change is dated by its arrival, so it is never late.
        (row_status = 'valid' and coalesce(modified_at >= newest_since_full_read, true))
        -- The deletion of a record that was never valid ends no version.
        or (row_status = 'deleted' and valid_before > 0)
),

versions as (
    select
        {{ key }},
        _arrival,
        cast(row_number() over (partition by {{ key }} order by _arrival) as bigint) as version_number,
        -- A row without a date holds from its load on, and so does one that is current although its date is older than
        -- what was known before: nobody knew of it earlier.
        max(case
            when modified_at < newest_before then _ingested_at
            else coalesce(modified_at, _ingested_at)
        end) over (
            partition by {{ key }} order by _arrival rows between unbounded preceding and current row
        ) as effective_at
    from timely
    where previous_record_hash is null or previous_record_hash <> _record_hash

    union all

    select
        {{ key }},
        _arrival,
        cast(1 as bigint) as version_number,
        coalesce(modified_at, _ingested_at) as effective_at
    from arrivals
    where {{ key }} not in (select {{ key }} from repeated) and row_status = 'valid'
),

final as (
    select
        arrived.*,
        versions.version_number,
        versions.effective_at,
        arrived.row_status = 'deleted' as is_deleted
    from arrived
    inner join versions on arrived.{{ key }} = versions.{{ key }} and arrived._arrival = versions._arrival
    {%- if history %}
    left join {{ this }} as recorded
        on versions.{{ key }} = recorded.{{ key }} and versions.version_number = recorded.version_number
    where recorded.{{ key }} is null
    {%- endif %}
)

select * from final
{%- endmacro %}

{#
    The existing history, none before the first build. A full refresh starts it again: bronze has every row, and an old
    history beside rows that were staged again would silently miss what a fixed map or rule lets in.
#}
{% macro history_to_extend() %}
    {% set history = load_relation(this) %}
    {% if history and flags.FULL_REFRESH and writes_models() %}
        {% do adapter.drop_relation(history) %}
        {{ return(none) }}
    {% endif %}
    {{ return(history) }}
{% endmacro %}
