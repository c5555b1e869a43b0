-- Duplicates are left out: the row they repeat was judged in its own batch. A rule that does not apply to a source
-- gives no row, so that its zero does not look like a clean bill.
{{ config(materialized='incremental', incremental_strategy='append') }}

{%- set refused = refused_batches() -%}
{%- if is_incremental() -%}{%- do forget_refused(this, refused) -%}{%- endif -%}
{%- set seen = batches_posted(this) %}

with

batches as (
    select
        entity,
        source_system,
        _source_table,
        _batch_id,
        count(*) as rows_staged,
        count(*) filter (where row_status <> 'rejected') as rows_read
    from {{ ref('dq_staged_rows') }}
    where row_status not in ('duplicate', 'deleted') and {{ is_after_batches(seen) }}
    group by entity, source_system, _source_table, _batch_id
),

failures as (
    select
        source_system,
        _batch_id,
        rule_name,
        count(*) as rows_failed
    from {{ ref('dq_failed_rules') }}
    where row_status not in ('duplicate', 'deleted') and {{ is_after_batches(seen) }}
    group by source_system, _batch_id, rule_name
),

checked as (
    select
        batches.entity,
        batches.source_system,
        batches._source_table,
        batches._batch_id,
        rules.rule_name,
        rules.severity,
        -- What cannot be read is judged by no other rule.
        case when rules.severity = 'reject' then batches.rows_staged else batches.rows_read end as rows_checked,
        coalesce(failures.rows_failed, 0) as rows_failed
    from batches
    inner join {{ ref('dq_rules_by_table') }} as rules
        on batches._source_table = rules._source_table and not rules.is_relation
    left join failures
        on
            batches._batch_id = failures._batch_id
            and batches.source_system is not distinct from failures.source_system
            and rules.rule_name = failures.rule_name
),

final as (
    select
        *,
        {{ safe_divide('rows_failed', 'rows_checked') }} as failure_rate
    from checked
)

select * from final
