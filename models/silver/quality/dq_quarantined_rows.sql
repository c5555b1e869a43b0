-- Each row that a rule kept out of gold at some time, and what has become of it.
with

logged as (
    select * from {{ ref('dq_quarantine_log') }}
),

staged as (
    select * from {{ ref('dq_staged_rows') }}
),

bad_rows as (
    select * from {{ ref('dq_bad_rows') }}
),

-- A row that bronze no longer holds is no longer anyone's task.
still_staged as (
    select
        staged.entity,
        staged.record_key,
        staged._arrival
    from staged
    inner join logged on staged.entity = logged.entity and staged._arrival = logged._arrival
    where staged.row_status <> 'deleted'
),

later as (
    select
        entity,
        record_key,
        max(_arrival) as last_arrival,
        max_by(_batch_id, _arrival) as last_batch_id,
        max_by(row_status, _arrival) as last_status
    from staged
    where
        row_status in ('valid', 'deleted')
        and record_key in (select still_staged.record_key from still_staged)
    group by entity, record_key
),

final as (
    select
        logged.entity,
        logged.source_system,
        coalesce(bad_rows.record_key, logged.record_key) as record_key,
        logged._source_table,
        logged._source_file,
        logged._batch_id,
        logged._row_number,
        logged._arrival,
        logged._ingested_at,
        bad_rows._arrival is not null and later.last_status is null as is_open,
        coalesce(bad_rows.severity, logged.severity) as severity,
        coalesce(bad_rows.failed_rules, logged.failed_rules) as failed_rules,
        coalesce(bad_rows.reasons, logged.reasons) as reasons,
        coalesce(bad_rows.unparsed_columns, logged.unparsed_columns) as unparsed_columns,
        case
            when bad_rows._arrival is null then 'a changed rule or map'
            when later.last_status = 'valid' then 'a later valid row'
            when later.last_status = 'deleted' then 'the deletion at the source'
        end as resolved_by,
        case when bad_rows._arrival is not null then later.last_batch_id end as resolved_by_batch_id
    from still_staged
    inner join logged on still_staged._arrival = logged._arrival
    left join bad_rows on still_staged._arrival = bad_rows._arrival
    left join later
        on
            still_staged.entity = later.entity
            and still_staged.record_key = later.record_key
            and still_staged._arrival < later.last_arrival
)

select * from final
