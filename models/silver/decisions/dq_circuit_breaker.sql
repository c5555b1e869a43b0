-- Every history reads this model: a batch that would empty gold unnoticed waits for a person, with the later ones of
-- its table, while all other tables go on. It reads staging and quarantine only, so that the verdict comes before
-- history.
with

batches as (
    select
        entity,
        _source_table,
        _batch_id,
        count(*) filter (where row_status <> 'deleted') as batch_rows,
        count(*) filter (where row_status = 'deleted') as deleted_keys,
        count(*) filter (where _is_new_key) as new_keys
    from {{ ref('dq_staged_rows') }}
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

-- The column of which a batch leaves most unknown; the others are in dq_vocabularies.
words as (
    select
        _batch_id,
        max_by(column_name, rows_open) as column_name,
        max(rows_open) as rows_open,
        max_by(rows_with_word, rows_open) as rows_with_word,
        max_by(limit_rate, rows_open) as limit_rate,
        max_by(amount_unknown, rows_open) as amount_unknown
    from {{ ref('dq_vocabularies') }}
    where is_over_limit
    group by _batch_id
),

-- Rates and acceptances as the control table declares them.
declared as (
    {{ batch_limits() | indent(4) }}
),

-- A batch has one decision.
decisions as (
    select
        batch_id,
        max(decision) as decision,
        max(decided_at) as decided_at,
        max(decided_by) as decided_by,
        max(reason) as reason
    from {{ source('ledger', 'batch_decision') }}
    group by batch_id
),

rated as (
    select
        batches.entity,
        batches._source_table,
        batches._batch_id,
        batches.batch_rows,
        batches.deleted_keys,
        cast(declared.limit_rate as decimal(18, 4)) as limit_rate,
        cast(declared.minimum_rows as bigint) as minimum_rows,
        cast(declared.minimum_rows_if_all as bigint) as minimum_rows_if_all,
        cast(declared.deletion_limit_rate as decimal(18, 4)) as deletion_limit_rate,
        cast(declared.minimum_keys as bigint) as minimum_keys,
        coalesce(held_back.held_back_rows, 0) as held_back_rows,
        words.column_name as unknown_words_column,
        words.rows_open as unknown_word_rows,
        words.rows_with_word,
        words.limit_rate as unknown_word_limit_rate,
        words.amount_unknown as unknown_word_amount,
        -- Keys that the table had before the batch.
        cast(coalesce(sum(batches.new_keys - batches.deleted_keys) over (
            partition by batches._source_table order by batches._batch_id
            rows between unbounded preceding and 1 preceding
        ), 0) as bigint) as keys_before,
        decisions.decided_at,
        decisions.decided_by,
        decisions.reason as decision_reason,
        coalesce(decisions.decision = 'accepted', false)
        or concat(',', declared.accepted_batches, ',') like concat('%,', batches._batch_id, ',%') as is_accepted
    from batches
    inner join declared on batches._source_table = declared._source_table
    left join held_back on batches._batch_id = held_back._batch_id
    left join words on batches._batch_id = words._batch_id
    left join decisions on batches._batch_id = decisions.batch_id
),

judged as (
    select
        *,
        -- Nobody would notice the absence of a batch that is held back completely, however small it is.
        batch_rows >= minimum_rows_if_all and held_back_rows = batch_rows
        or batch_rows >= minimum_rows and held_back_rows > limit_rate * batch_rows as is_held_back_in_bulk,
        keys_before >= minimum_keys and deleted_keys > deletion_limit_rate * keys_before as is_deleted_in_bulk,
        unknown_words_column is not null as is_unknown_in_bulk
    from rated
),

tripped as (
    select
        *,
        not is_accepted and (is_held_back_in_bulk or is_deleted_in_bulk or is_unknown_in_bulk) as is_tripped
    from judged
),

held_back_amounts as (
    select
        staged._batch_id,
        sum(cast(staged.row_amount as decimal(38, 2))) as amount
    from {{ ref('dq_staged_rows') }} as staged
    inner join tripped on staged._batch_id = tripped._batch_id and tripped.is_tripped
    where staged.row_status in ('rejected', 'quarantined')
    group by staged._batch_id
),

-- What the keys that a batch no longer has were worth when they last came.
last_amounts as (
    select
        deleted._batch_id,
        earlier.record_key,
        max_by(cast(earlier.row_amount as decimal(38, 2)), earlier._arrival) as amount
    from {{ ref('dq_staged_rows') }} as deleted
    inner join tripped on deleted._batch_id = tripped._batch_id and tripped.is_tripped
    inner join {{ ref('dq_staged_rows') }} as earlier
        on
            deleted.entity = earlier.entity
            and deleted.record_key = earlier.record_key
            and deleted._arrival > earlier._arrival
    where deleted.row_status = 'deleted' and earlier.row_status in ('valid', 'duplicate')
    group by deleted._batch_id, earlier.record_key
),

deleted_amounts as (
    select
        _batch_id,
        sum(amount) as amount
    from last_amounts
    group by _batch_id
),

first_tripped as (
    select
        _source_table,
        min(_batch_id) as _batch_id
    from tripped
    where is_tripped
    group by _source_table
),

rates as (
    select
        tripped.*,
        {{ safe_divide('tripped.held_back_rows', 'tripped.batch_rows') }} as held_back_rate,
        {{ safe_divide('tripped.deleted_keys', 'tripped.keys_before') }} as deleted_rate,
        {{ safe_divide('tripped.unknown_word_rows', 'tripped.rows_with_word') }} as unknown_word_rate,
        case when tripped.is_held_back_in_bulk then held_back_amounts.amount end as held_back_amount,
        case when tripped.is_deleted_in_bulk then deleted_amounts.amount end as deleted_amount,
        coalesce(first_tripped._batch_id <= tripped._batch_id, false) as is_waiting
    from tripped
    left join held_back_amounts on tripped._batch_id = held_back_amounts._batch_id
    left join deleted_amounts on tripped._batch_id = deleted_amounts._batch_id
    left join first_tripped on tripped._source_table = first_tripped._source_table
),

final as (
    select
        *,
        nullif(concat_ws(
            ', and ',
            case
                when is_held_back_in_bulk
                    then concat(
                        cast(held_back_rows as string), ' of ', cast(batch_rows as string),
                        ' rows are rejected or quarantined (', {{ shown_percent('held_back_rate') }}, ', limit ',
                        {{ shown_percent('limit_rate') }}, ')',
                        coalesce(concat(', $', cast(held_back_amount as string)), '')
                    )
            end,
            case
                when is_deleted_in_bulk
                    then concat(
                        cast(deleted_keys as string), ' of ', cast(keys_before as string),
                        ' keys would be deleted (', {{ shown_percent('deleted_rate') }}, ', limit ',
                        {{ shown_percent('deletion_limit_rate') }}, ')',
                        coalesce(concat(', $', cast(deleted_amount as string)), '')
                    )
            end,
            case
                when is_unknown_in_bulk
                    then concat(
                        cast(unknown_word_rows as string), ' of ', cast(rows_with_word as string), ' words of ',
                        unknown_words_column, ' are unknown (', {{ shown_percent('unknown_word_rate') }}, ', limit ',
                        {{ shown_percent('unknown_word_limit_rate') }}, ')',
                        coalesce(concat(', $', cast(unknown_word_amount as string)), '')
                    )
            end
        ), '') as finding
    from rates
)

select * from final
