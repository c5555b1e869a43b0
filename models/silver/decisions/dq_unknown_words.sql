-- Words that no vocabulary knows. A word is shown only where it can be no person's: see macros/staging/words.sql.
with

said as (
    select
        *,
        lower(replace(unknown_word, ' ', '')) as plain_word
    from {{ ref('dq_word_uses') }}
    where unknown_word is not null
),

-- Two words that are somebody's name look like any other two.
names as (
    select lower(replace(concat(first_name, last_name), ' ', '')) as plain_name
    from {{ ref('stg_patients') }}
    where first_name is not null and last_name is not null

    union

    select lower(replace(concat(last_name, first_name), ' ', '')) as plain_name
    from {{ ref('stg_patients') }}
    where first_name is not null and last_name is not null
),

uses as (
    select
        said.entity,
        said.column_name,
        said.source_system,
        said._source_table,
        said._batch_id,
        said._arrival,
        said.record_key,
        said.amount,
        case
            when names.plain_name is null then said.unknown_word
            else concat('(', cast(length(said.unknown_word) as string), ' characters)')
        end as unknown_word
    from said
    left join names on said.plain_word = names.plain_name
),

-- A word that a later row of the record no longer has needs nobody's attention.
last_arrivals as (
    select
        entity,
        record_key,
        max(_arrival) as last_arrival
    from {{ ref('dq_staged_rows') }}
    where
        row_status in ('valid', 'deleted')
        and record_key in (select uses.record_key from uses)
    group by entity, record_key
),

judged as (
    select
        uses.*,
        coalesce(uses._arrival >= last_arrivals.last_arrival, true) as is_current
    from uses
    left join last_arrivals on uses.entity = last_arrivals.entity and uses.record_key = last_arrivals.record_key
),

final as (
    select
        entity,
        column_name,
        source_system,
        _source_table,
        _batch_id,
        unknown_word,
        count(*) as rows_unknown,
        count(*) filter (where is_current) as current_rows,
        cast(sum(amount) as decimal(38, 2)) as amount_unknown,
        cast(sum(case when is_current then amount end) as decimal(38, 2)) as current_amount
    from judged
    group by entity, column_name, source_system, _source_table, _batch_id, unknown_word
)

select * from final
