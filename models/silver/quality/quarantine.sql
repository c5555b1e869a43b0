-- A record is resolved once a valid row of the same key arrives; its last valid version stays current meanwhile.
with

{% for entity in entities() -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{{ entity }} as (
    select
        '{{ entity }}' as entity,
        source_system,
        -- A row without a key is a record of its own.
        coalesce({{ key }}, _arrival) as record_key,
        _source_table,
        _source_file,
        _batch_id,
        _row_number,
        _arrival,
        _ingested_at,
        row_status,
        failed_rules,
        _unparsed_columns,
        concat_ws(
            '; '
            {%- for rule in (all_rules(entity) if execute else []) %},
            case when {{ has_failed(rule.name) }} then '{{ rule.description | replace("'", "''") }}' end
            {%- endfor %}
        ) as reasons
    from {{ ref('stg_' ~ entity) }}
    where row_status in ('rejected', 'quarantined')
),

{{ entity }}_resolved as (
    select
        {{ key }} as record_key,
        max(_arrival) as last_valid_arrival,
        max(_batch_id) as last_valid_batch_id
    from {{ ref('stg_' ~ entity) }}
    where row_status = 'valid' and {{ key }} in (select {{ entity }}.record_key from {{ entity }})
    group by {{ key }}
),

{% endfor -%}
bad_rows as (
    {% for entity in entities() -%}
    select * from {{ entity }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

valid_rows as (
    {% for entity in entities() -%}
    select '{{ entity }}' as entity, * from {{ entity }}_resolved
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

records as (
    select
        entity,
        source_system,
        record_key,
        count(*) as bad_rows,
        min(_ingested_at) as first_seen_at,
        max(_ingested_at) as last_seen_at,
        max(_arrival) as last_bad_arrival
    from bad_rows
    group by entity, source_system, record_key
),

final as (
    select
        {{ generate_surrogate_key([
            'records.entity', 'records.source_system', 'records.record_key'
        ]) }} as quarantine_key,
        records.entity,
        records.source_system,
        records.record_key,
        bad_rows.row_status as severity,
        bad_rows.failed_rules,
        bad_rows.reasons,
        bad_rows._unparsed_columns as unparsed_columns,
        records.bad_rows,
        records.first_seen_at,
        records.last_seen_at,
        case
            when valid_rows.last_valid_arrival > records.last_bad_arrival then 'resolved'
            else 'open'
        end as status,
        case
            when valid_rows.last_valid_arrival > records.last_bad_arrival then valid_rows.last_valid_batch_id
        end as resolved_by_batch_id,
        bad_rows._source_table,
        bad_rows._source_file,
        bad_rows._batch_id,
        bad_rows._row_number
    from records
    inner join bad_rows
        on
            records.entity = bad_rows.entity
            and records.record_key = bad_rows.record_key
            and records.last_bad_arrival = bad_rows._arrival
    left join valid_rows
        on records.entity = valid_rows.entity and records.record_key = valid_rows.record_key
)

select * from final
