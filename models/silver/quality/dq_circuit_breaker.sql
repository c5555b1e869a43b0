-- Every history waits for the test of this model: a source whose rows are held back in bulk must not empty gold in
-- silence. It reads staging and quarantine only, so that it says why before history and gold would change.
with

{% for entity in entities() -%}
{{ entity }} as (
    select
        '{{ entity }}' as entity,
        _source_table,
        _batch_id,
        count(*) as batch_rows
    from {{ ref('stg_' ~ entity) }}
    where row_status <> 'deleted'
    group by _source_table, _batch_id
),

{% endfor -%}
batches as (
    {% for entity in entities() -%}
    select * from {{ entity }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
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
        declared.limit_rate,
        declared.minimum_rows,
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
