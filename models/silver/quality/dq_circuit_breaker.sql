-- Every history waits for the test of this model: a source whose rows are quarantined in bulk must not empty gold
-- unnoticed. It reads staging and quarantine only, so that it says why before history and gold would change.
with

batches as (
    select
        entity,
        _source_table,
        _batch_id,
        count(*) as batch_rows
    from {{ ref('dq_staged_rows') }}
    where row_status <> 'deleted'
    group by entity, _source_table, _batch_id
),

held_back as (
    select
        _batch_id,
        count(*) as held_back_rows
    from {{ ref('dq_quarantined_rows') }}
    where is_open
    group by _batch_id
),

-- Rates and acceptances as the control table declares them.
declared as (
    {{ quarantine_limits() | indent(4) }}
),

rated as (
    select
        batches.entity,
        batches._source_table,
        batches._batch_id,
        batches.batch_rows,
        cast(declared.limit_rate as decimal(18, 4)) as limit_rate,
        cast(declared.minimum_rows as bigint) as minimum_rows,
        coalesce(held_back.held_back_rows, 0) as held_back_rows,
        concat(',', declared.accepted_batches, ',') like concat('%,', batches._batch_id, ',%') as is_accepted
    from batches
    inner join declared on batches._source_table = declared._source_table
    left join held_back on batches._batch_id = held_back._batch_id
),

final as (
    select
        *,
        not is_accepted and batch_rows >= minimum_rows and held_back_rows > limit_rate * batch_rows as is_tripped,
        {{ safe_divide('held_back_rows', 'batch_rows') }} as held_back_rate
    from rated
)

select * from final
