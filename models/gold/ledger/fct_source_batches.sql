-- What gold was built from: it is made after the ledger's events, so that a batch that is staged only is not in it.
-- depends_on: {{ ref('fct_ar_events') }}
with

staged as (
    select * from {{ ref('dq_circuit_breaker') }}
),

refused as (
    select * from {{ source('ledger', 'batch_decision') }}
    where decision = 'refused'
),

final as (
    select
        _batch_id as batch_id,
        _source_table as source_table,
        case when is_waiting then 'waiting' else 'built' end as batch_status,
        is_tripped as is_undecided,
        cast(batch_rows as bigint) as row_count,
        cast(held_back_rows as bigint) as held_back_rows,
        cast(deleted_keys as bigint) as deleted_keys,
        finding,
        case when decided_at is not null then 'accepted' end as decision,
        decided_at,
        decided_by,
        decision_reason
    from staged

    union all

    select
        batch_id,
        source_table,
        'refused' as batch_status,
        false as is_undecided,
        cast(null as bigint) as row_count,
        cast(null as bigint) as held_back_rows,
        cast(null as bigint) as deleted_keys,
        finding,
        decision,
        decided_at,
        decided_by,
        reason as decision_reason
    from refused
)

select * from final
