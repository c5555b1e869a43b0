-- How much of what each batch says in a column with a vocabulary nobody has declared. It reads staging only, so that it
-- is known before history and gold would change.
with

uses as (
    select * from {{ ref('dq_word_uses') }}
),

counted as (
    select
        entity,
        column_name,
        _source_table,
        _batch_id,
        count(*) as rows_with_word,
        count(unknown_word) as rows_unknown,
        sum(amount) as amount_with_word,
        sum(case when unknown_word is not null then coalesce(amount, 0) end) as amount_unknown
    from uses
    group by entity, column_name, _source_table, _batch_id
),

-- Words that a later row of the record corrected are nobody's task any more.
still_unknown as (
    select
        column_name,
        _batch_id,
        sum(current_rows) as rows_open
    from {{ ref('dq_unknown_words') }}
    group by column_name, _batch_id
),

limits as (
    select
        _source_table,
        replace(rule_name, '_word_unknown', '') as column_name,
        limit_rate
    from {{ ref('dq_rules_by_table') }}
    where rule_name like '%word_unknown'
),

final as (
    select
        counted.entity,
        counted.column_name,
        counted._source_table,
        counted._batch_id,
        counted.rows_with_word,
        counted.rows_unknown,
        cast(coalesce(still_unknown.rows_open, 0) as bigint) as rows_open,
        cast(counted.amount_with_word as decimal(38, 2)) as amount_with_word,
        cast(counted.amount_unknown as decimal(38, 2)) as amount_unknown,
        limits.limit_rate,
        {{ safe_divide('counted.rows_unknown', 'counted.rows_with_word') }} as unknown_rate,
        -- A handful of rows has no rate. Words that are held back row by row are the circuit breaker's.
        coalesce(
            counted.rows_with_word >= {{ var('quarantine').minimum_rows }}
            and still_unknown.rows_open > limits.limit_rate * counted.rows_with_word, false
        ) as is_over_limit
    from counted
    left join still_unknown
        on counted.column_name = still_unknown.column_name and counted._batch_id = still_unknown._batch_id
    left join limits
        on counted._source_table = limits._source_table and counted.column_name = limits.column_name
)

select * from final
