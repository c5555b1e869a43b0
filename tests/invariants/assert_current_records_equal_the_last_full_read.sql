-- A full read is the truth: after it, what is current is what the source has, whatever dates its rows have. A
-- difference is a bill that the source no longer has and that gold still counts, or one that it has and gold lacks.
-- Only tables whose newest batch is a full read are compared; rows that a rule keeps out, and their keys, are nobody's
-- truth.
with

last_batches as (
    select
        _source_table,
        max(_batch_id) as _batch_id
    from {{ ref('dq_circuit_breaker') }}
    where not is_waiting
    group by _source_table
),

{% for entity in entities() -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{%- set amount = entity_meta(entity).get('amount', 'cast(null as decimal(18, 2))') if execute else 'amount' -%}
{{ entity }}_read as (
    select
        staged._source_table,
        staged._batch_id,
        staged.{{ key }} as record_key,
        max_by(staged._record_hash, staged._arrival) as _record_hash,
        max_by({{ 'staged.' ~ amount if amount[:4] != 'cast' else amount }}, staged._arrival) as amount,
        count(*) filter (where staged.row_status in ('rejected', 'quarantined')) > 0 as is_held_back
    from {{ ref('stg_' ~ entity) }} as staged
    inner join last_batches
        on staged._source_table = last_batches._source_table and staged._batch_id = last_batches._batch_id
    where staged._load_type = 'full' and staged.row_status <> 'deleted' and staged.{{ key }} is not null
    group by staged._source_table, staged._batch_id, staged.{{ key }}
),

{% endfor -%}
source_rows as (
    {% for entity in entities() -%}
    select * from {{ entity }}_read
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

open_records as (
    select record_key
    from {{ ref('dq_quarantined_rows') }}
    where is_open
    {% for entity in entities() -%}
    -- A key that is held back because it resembles another one says that the other one is still there.
    union
    select _stands_for_key as record_key
    from {{ ref('stg_' ~ entity) }}
    where _stands_for_key is not null
    {% endfor %}
),

full_reads as (
    select distinct
        _source_table,
        _batch_id
    from source_rows
),

current_rows as (
    {% for entity in entities() -%}
    {%- set key = entity_meta(entity).record_key if execute else 'key' -%}
    {%- set amount = entity_meta(entity).get('amount', 'cast(null as decimal(18, 2))') if execute else 'amount' -%}
    select
        _source_table,
        {{ key }} as record_key,
        _record_hash,
        {{ amount }} as amount
    from {{ ref(entity ~ '_history') }}
    where
        dbt_valid_to = {{ open_end() }}
        and not is_deleted
        and _source_table in (select full_reads._source_table from full_reads)
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

differing as (
    select
        source_rows.record_key as source_key,
        current_rows.record_key as current_key,
        cast(source_rows.amount as decimal(38, 2)) as source_amount,
        cast(current_rows.amount as decimal(38, 2)) as current_amount,
        coalesce(source_rows._source_table, current_rows._source_table) as _source_table
    from source_rows
    full outer join current_rows
        on
            source_rows._source_table = current_rows._source_table
            and source_rows.record_key = current_rows.record_key
    left join open_records
        on coalesce(source_rows.record_key, current_rows.record_key) = open_records.record_key
    where
        source_rows._record_hash is distinct from current_rows._record_hash
        and open_records.record_key is null
        and not coalesce(source_rows.is_held_back, false)
)

select
    differing._source_table,
    full_reads._batch_id,
    count(*) filter (where differing.source_key is not null and differing.current_key is null) as missing_records,
    count(*) filter (where differing.source_key is null) as surplus_records,
    count(*) filter (where differing.source_key is not null and differing.current_key is not null) as changed_records,
    coalesce(sum(differing.source_amount), 0) as source_amount,
    coalesce(sum(differing.current_amount), 0) as current_amount
from differing
inner join full_reads on differing._source_table = full_reads._source_table
group by differing._source_table, full_reads._batch_id
