-- Staging as it is now; dq_quarantine_log is what it was when the rows came.
with

bad_rows as (
    select * from {{ ref('dq_staged_rows') }}
    where row_status in ('rejected', 'quarantined')
),

reasons as (
    select
        _arrival,
        {{ ordered_listagg('rule_description', '; ', 'rule_number') }} as reasons
    from {{ ref('dq_failed_rules') }}
    where row_status in ('rejected', 'quarantined')
    group by _arrival
),

final as (
    select
        bad_rows.entity,
        bad_rows.source_system,
        bad_rows.row_status as severity,
        bad_rows.failed_rules,
        bad_rows._unparsed_columns as unparsed_columns,
        bad_rows._source_table,
        bad_rows._source_file,
        bad_rows._batch_id,
        bad_rows._row_number,
        bad_rows._arrival,
        bad_rows._ingested_at,
        -- A row without a key is a record of its own.
        coalesce(bad_rows.record_key, bad_rows._arrival) as record_key,
        coalesce(reasons.reasons, '') as reasons
    from bad_rows
    left join reasons on bad_rows._arrival = reasons._arrival
)

select * from final
