-- Keys that were held back because they differ from another key only in case, leading zeros or spaces, each with the
-- other one. Keys are hashed: a steward finds both in bronze by batch and row number.
with

staged as (
    select
        *,
        coalesce(_resembled_key, record_key) as likeness
    from {{ ref('dq_staged_rows') }}
    where row_status <> 'deleted'
),

held_back as (
    select * from staged
    where failed_rules like '%key_resembles_another%' and row_status <> 'duplicate'
),

keys_alike as (
    select
        entity,
        _source_table,
        likeness,
        record_key,
        min(_arrival) as first_arrival
    from staged
    where likeness in (select held_back.likeness from held_back)
    group by entity, _source_table, likeness, record_key
),

final as (
    select
        held_back.entity,
        held_back.source_system,
        held_back.record_key,
        keys_alike.record_key as resembles_record_key,
        held_back.row_amount,
        held_back._source_table,
        held_back._source_file,
        held_back._batch_id,
        held_back._row_number,
        held_back._arrival,
        keys_alike.first_arrival as resembles_arrival
    from held_back
    inner join keys_alike
        on
            held_back.entity = keys_alike.entity
            and held_back._source_table = keys_alike._source_table
            and held_back.likeness = keys_alike.likeness
            and held_back.record_key <> keys_alike.record_key
)

select * from final
