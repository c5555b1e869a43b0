-- What a rule once held back stays on record: after a rule or map was mended, the rows judged anew show what it was
-- that kept them out. So a full refresh leaves this table alone; without such a change it equals what bronze gives.
{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with

{% for entity in entities() -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{{ entity }} as (
    select
        '{{ entity }}' as entity,
        source_system,
        -- A row without a key is a record of its own.
        coalesce({{ key }}, _arrival) as record_key,
        row_status as severity,
        failed_rules,
        {{ reasons(entity) }} as reasons,
        _unparsed_columns as unparsed_columns,
        _source_table,
        _source_file,
        _batch_id,
        _row_number,
        _arrival,
        _ingested_at
    from {{ ref('stg_' ~ entity) }}
    where row_status in ('rejected', 'quarantined')
),

{% endfor -%}
bad_rows as (
    {% for entity in entities() -%}
    select * from {{ entity }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

final as (
    select bad_rows.*
    from bad_rows
    {% if is_incremental() -%}
    left join {{ this }} as known on bad_rows._arrival = known._arrival
    where known._arrival is null
    {%- endif %}
)

select * from final
