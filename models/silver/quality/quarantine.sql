-- A record is resolved once none of its bad rows is open; its last valid version stays current meanwhile.
with

bad_rows as (
    select * from {{ ref('dq_quarantined_rows') }}
),

records as (
    select
        entity,
        source_system,
        record_key,
        count(*) as bad_rows,
        min(_ingested_at) as first_seen_at,
        max(_ingested_at) as last_seen_at,
        max(_arrival) as last_bad_arrival,
        count(*) filter (where is_open) as open_rows
    from bad_rows
    group by entity, source_system, record_key
),

final as (
    select
        {{ generate_surrogate_key([
            'records.entity', 'records.source_system', 'records.record_key'
        ]) }} as quarantine_key,
        records.entity,
        records.source_system,
        records.record_key,
        bad_rows.severity,
        bad_rows.failed_rules,
        bad_rows.reasons,
        bad_rows.unparsed_columns,
        records.bad_rows,
        records.first_seen_at,
        records.last_seen_at,
        case when records.open_rows > 0 then 'open' else 'resolved' end as status,
        case when records.open_rows = 0 then bad_rows.resolved_by end as resolved_by,
        case when records.open_rows = 0 then bad_rows.resolved_by_batch_id end as resolved_by_batch_id,
        bad_rows._source_table,
        bad_rows._source_file,
        bad_rows._batch_id,
        bad_rows._row_number
    from records
    inner join bad_rows on records.entity = bad_rows.entity and records.last_bad_arrival = bad_rows._arrival
)

select * from final
