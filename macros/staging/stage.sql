{#
    Staging of one entity: the union of every system that feeds it, renamed and cast by the map in its source YAML,
    deduplicated, and each bronze row checked once by the entity's rules. Incremental: only new batches are read. Grain:
    one row per bronze row, plus one row with status 'deleted' for a key that a full load no longer has.

    row_status: rejected (cannot be parsed or keyed) | duplicate (equal to the key's previous arrival) | quarantined |
    valid | deleted. _arrival orders rows as they came, within a key and across systems. Batches that a person refused
    are not staged.
#}
{% macro stage(entity) %}
    {%- set feeds = [] -%}
    {%- set refused = refused_batches() -%}
    {%- for system in systems_feeding(entity) -%}{%- do feeds.append((system, source(system, entity))) -%}{%- endfor -%}
    {%- if execute -%}
        {{ staging_sql(entity, feeds, refused) }}
    {%- endif -%}
{% endmacro %}

{% macro staging_sql(entity, feeds, refused) %}
{%- set meta = entity_meta(entity) -%}
{%- set key = meta.record_key -%}
{%- set mapped = mapped_columns(entity) -%}
{%- set kept = kept_columns(entity) -%}
{%- if is_incremental() -%}{%- do forget_refused(this, refused) -%}{%- endif -%}
{%- set staged_until = batches_seen(this) if is_incremental() else {} -%}
with

{% for system, relation in feeds -%}
{{ system }} as (
    {{ mapped_source(
        system, entity, relation, mapped, staged_until.get(system ~ '.' ~ entity), refused
    ) | indent(4) }}
),

{% endfor -%}
unioned as (
    {%- if feeds %}
    {%- for system, relation in feeds %}
    select * from {{ system }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {%- else %}
    {{ no_rows(mapped) | indent(4) }}
    {%- endif %}
),

identified as (
    select
        *,
        case
            when
                {% for part in meta.key_columns if part not in meta.get('optional_key_columns', []) -%}
                {{ part }} is not null{% if not loop.last %} and {% endif %}
                {%- endfor %}
                then {{ generate_surrogate_key(meta.key_columns) }}
        end as {{ key }},
        {{ likeness_of_key(entity) | indent(8) }} as _resembled_key,
        {{ is_scientific(own_key_column(entity)) }} as _key_in_scientific_notation,
        {{ content_hash(kept | reject('equalto', 'modified_at') | list) }} as _record_hash
    from unioned
),

{{ keys_with_likeness(entity, key) }}

{% if is_incremental() -%}
staged_before as (
    select
        {{ key }},
        max_by(_row_hash, _arrival) as _row_hash,
        max_by(_load_type, _arrival) as _load_type
    from {{ this }}
    where {{ key }} in (select {{ key }} from keyed)
    group by {{ key }}
),

{% endif -%}
-- Few keys arrive twice: finding them first avoids a window over every row.
repeated as (
    select {{ key }}
    from keyed
    where {{ key }} is not null
    group by {{ key }}
    having count(*) > 1
),

{{ absences(entity, key) }}

arrivals as (
    select
        {{ key }},
        _batch_id,
        _arrival,
        _row_hash,
        lag(_row_hash) over (partition by {{ key }} order by _arrival) as previous_row_hash,
        lag(_load_type) over (partition by {{ key }} order by _arrival) as previous_load_type
    from (
        select {{ key }}, _batch_id, _arrival, _row_hash, _load_type from keyed
        union all
        -- A row that comes back after its deletion is not a duplicate.
        select {{ key }}, _batch_id, _arrival, 'deleted' as _row_hash, 'full' as _load_type from absences
    ) as rows_and_absences
    where {{ key }} in (select {{ key }} from repeated union all select {{ key }} from absences)
),

conflicts as (
    select
        {{ key }},
        _batch_id
    from arrivals
    group by {{ key }}, _batch_id
    having count(distinct _row_hash) > 1
),

flagged as (
    select
        keyed.*,
        keyed.{{ key }} is null as _key_missing,
        keyed._unparsed_columns <> '' as _value_unparseable,
        keyed._lost_references <> '' as _reference_in_scientific_notation,
        keyed._rounded_amount is not null as _amount_rounded,
        conflicts.{{ key }} is not null as _key_repeated_in_batch,
        coalesce(arrivals.previous_row_hash{% if is_incremental() %}, staged_before._row_hash{% endif %}, '')
            as _previous_row_hash,
        coalesce(arrivals.previous_load_type{% if is_incremental() %}, staged_before._load_type{% endif %}, '')
            as _previous_load_type
    from keyed
    left join arrivals on keyed._arrival = arrivals._arrival and keyed.{{ key }} = arrivals.{{ key }}
    left join conflicts on keyed.{{ key }} = conflicts.{{ key }} and keyed._batch_id = conflicts._batch_id
    {%- if is_incremental() %}
    left join staged_before on keyed.{{ key }} = staged_before.{{ key }}
    {%- endif %}
),

compared as (
    select
        *,
        {{ key }} is not null and _previous_row_hash in ('', 'deleted') as _is_new_key,
        -- What an increment brought may be late and not be current: a full read says it again, and is not late.
        _row_hash = _previous_row_hash and (_load_type <> 'full' or _previous_load_type = 'full') as _is_duplicate,
        {{ amount_is_implausible(entity) }} as _amount_implausible
    from flagged
),

judged as (
    select
        *,
        {{ failed_rules(entity, 'reject') | indent(8) }} as _rejecting_rules,
        {{ failed_rules(entity, 'quarantine') | indent(8) }} as _quarantining_rules,
        {{ failed_rules(entity, 'warn') | indent(8) }} as _warning_rules
    from compared
),

final as (
    select
        {{ key }},
        source_system,
        {% for column in mapped if column.name in kept -%}
        {{ 'cast(' ~ column.name ~ ' as ' ~ column.data_type ~ ') as ' if is_money(column) }}{{ column.name }},
        {% endfor -%}
        case
            when _rejecting_rules <> '' then 'rejected'
            when _is_duplicate then 'duplicate'
            when _quarantining_rules <> '' then 'quarantined'
            else 'valid'
        end as row_status,
        -- A row that cannot be parsed is not checked further: every rule would report its missing values again.
        case
            when _rejecting_rules <> '' then _rejecting_rules
            else nullif(concat_ws(',', nullif(_quarantining_rules, ''), nullif(_warning_rules, '')), '')
        end as failed_rules,
        _unparsed_columns,
        _unknown_words,
        _resembled_key,
        _stands_for_key,
        _rounded_amount,
        _arrival,
        _source_table,
        _source_file,
        _batch_id,
        _row_number,
        _load_type,
        _ingested_at,
        _row_hash,
        _record_hash,
        _declaration_hash,
        _is_new_key
    from judged

    union all

    select
        {{ key }},
        source_system,
        {% for column in mapped if column.name in kept -%}
        {% if column.name == 'modified_at' -%}
        _ingested_at
        {%- else -%}
        cast(null as {{ column.data_type }})
        {%- endif %} as {{ column.name }},
        {% endfor -%}
        'deleted' as row_status,
        cast(null as string) as failed_rules,
        cast(null as string) as _unparsed_columns,
        cast(null as string) as _unknown_words,
        cast(null as string) as _resembled_key,
        cast(null as string) as _stands_for_key,
        cast(null as decimal(18, 6)) as _rounded_amount,
        _arrival,
        _source_table,
        cast(null as string) as _source_file,
        _batch_id,
        cast(null as bigint) as _row_number,
        'full' as _load_type,
        _ingested_at,
        'deleted' as _row_hash,
        'deleted' as _record_hash,
        cast(null as string) as _declaration_hash,
        false as _is_new_key
    from absences
)

select * from final
{%- endmacro %}

{#
    Keys that a full load no longer has: the first full batch after a key's arrival without it. Reads only
    tables that have a new full batch.
#}
{% macro absences(entity, key) -%}
full_batches as (
    select
        _source_table,
        _batch_id,
        max(_ingested_at) as _ingested_at
    from keyed
    where _load_type = 'full'
    group by _source_table, _batch_id
),

key_batches as (
    select _source_table, source_system, {{ key }}, _batch_id, false as is_absence
    from keyed
    where {{ key }} is not null and _source_table in (select _source_table from full_batches)
    union all
    -- A key that is held back because it resembles another one says that the other one is still there.
    select _source_table, source_system, _stands_for_key as {{ key }}, _batch_id, false as is_absence
    from keyed
    where _stands_for_key is not null and _source_table in (select _source_table from full_batches)
    {%- if is_incremental() %}
    union all
    select _source_table, source_system, {{ key }}, _batch_id, row_status = 'deleted' as is_absence
    from {{ this }}
    where {{ key }} is not null and _source_table in (select _source_table from full_batches)
    union all
    select _source_table, source_system, _stands_for_key as {{ key }}, _batch_id, false as is_absence
    from {{ this }}
    where _stands_for_key is not null and _source_table in (select _source_table from full_batches)
    {%- endif %}
),

key_arrivals as (
    select
        _source_table,
        source_system,
        {{ key }},
        _batch_id,
        is_absence,
        lead(_batch_id) over (partition by _source_table, {{ key }} order by _batch_id) as next_batch_id
    from (select distinct * from key_batches) as distinct_arrivals
),

absences as (
    select
        key_arrivals._source_table,
        key_arrivals.source_system,
        key_arrivals.{{ key }},
        min(full_batches._batch_id) as _batch_id,
        concat(min(full_batches._batch_id), '/deleted') as _arrival,
        min(full_batches._ingested_at) as _ingested_at
    from key_arrivals
    inner join full_batches
        on
            key_arrivals._source_table = full_batches._source_table
            and key_arrivals._batch_id < full_batches._batch_id
            and (key_arrivals.next_batch_id is null or full_batches._batch_id < key_arrivals.next_batch_id)
    where not key_arrivals.is_absence
    group by
        key_arrivals._source_table, key_arrivals.source_system, key_arrivals.{{ key }}, key_arrivals._batch_id
),
{%- endmacro %}
