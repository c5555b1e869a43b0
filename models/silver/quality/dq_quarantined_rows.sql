-- Each row that a rule held back at some time, and what has become of it.
with

logged as (
    select * from {{ ref('dq_quarantine_log') }}
),

{% for entity in entities() -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{{ entity }}_now as (
    select
        logged.entity,
        logged.source_system,
        case
            when staged.row_status in ('rejected', 'quarantined') then coalesce(staged.{{ key }}, staged._arrival)
            else logged.record_key
        end as record_key,
        staged.{{ key }} as own_key,
        staged.row_status in ('rejected', 'quarantined') as is_bad,
        logged.severity,
        logged.failed_rules,
        logged.reasons,
        logged.unparsed_columns,
        staged.row_status as severity_now,
        staged.failed_rules as failed_rules_now,
        {{ reasons(entity, 'staged') }} as reasons_now,
        staged._unparsed_columns as unparsed_columns_now,
        logged._source_table,
        logged._source_file,
        logged._batch_id,
        logged._row_number,
        logged._arrival,
        logged._ingested_at
    from {{ ref('stg_' ~ entity) }} as staged
    -- A row that bronze no longer holds is no longer anyone's task.
    inner join logged on staged._arrival = logged._arrival and logged.entity = '{{ entity }}'
    where staged.row_status <> 'deleted'
),

{{ entity }}_later as (
    select
        {{ key }} as own_key,
        max(_arrival) as last_arrival,
        max_by(_batch_id, _arrival) as last_batch_id,
        max_by(row_status, _arrival) as last_status
    from {{ ref('stg_' ~ entity) }}
    where row_status in ('valid', 'deleted') and {{ key }} in (select {{ entity }}_now.own_key from {{ entity }}_now)
    group by {{ key }}
),

{{ entity }} as (
    select
        {{ entity }}_now.*,
        {{ entity }}_later.last_batch_id,
        {{ entity }}_later.last_status
    from {{ entity }}_now
    left join {{ entity }}_later
        on
            {{ entity }}_now.own_key = {{ entity }}_later.own_key
            and {{ entity }}_now._arrival < {{ entity }}_later.last_arrival
),

{% endfor -%}
unioned as (
    {% for entity in entities() -%}
    select * from {{ entity }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

final as (
    select
        entity,
        source_system,
        record_key,
        _source_table,
        _source_file,
        _batch_id,
        _row_number,
        _arrival,
        _ingested_at,
        is_bad and last_status is null as is_open,
        case when is_bad then severity_now else severity end as severity,
        case when is_bad then failed_rules_now else failed_rules end as failed_rules,
        case when is_bad then reasons_now else reasons end as reasons,
        case when is_bad then unparsed_columns_now else unparsed_columns end as unparsed_columns,
        case
            when not is_bad then 'a changed rule or map'
            when last_status = 'valid' then 'a later valid row'
            when last_status = 'deleted' then 'the deletion at the source'
        end as resolved_by,
        case when is_bad then last_batch_id end as resolved_by_batch_id
    from unioned
)

select * from final
