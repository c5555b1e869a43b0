-- What a rule once kept out stays on record: after a rule or map was fixed, the rows judged again show what it was
-- that kept them out. So a full refresh does not change this table; without such a change it equals what bronze gives.
{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with

final as (
    select
        bad_rows.entity,
        bad_rows.source_system,
        bad_rows.record_key,
        bad_rows.severity,
        bad_rows.failed_rules,
        bad_rows.reasons,
        bad_rows.unparsed_columns,
        bad_rows._source_table,
        bad_rows._source_file,
        bad_rows._batch_id,
        bad_rows._row_number,
        bad_rows._arrival,
        bad_rows._ingested_at
    from {{ ref('dq_bad_rows') }} as bad_rows
    {% if is_incremental() -%}
    left join {{ this }} as known on bad_rows._arrival = known._arrival
    where known._arrival is null
    {%- endif %}
)

select * from final
