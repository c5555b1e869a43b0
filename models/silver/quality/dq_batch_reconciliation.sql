-- Bronze is counted in bronze itself: a row that staging lost would show as a difference, not vanish from both sides.
with

{% for entity in entities() -%}
{%- set feeds = [] -%}
{%- for system in systems_feeding(entity) -%}{%- do feeds.append((system, source(system, entity))) -%}{%- endfor -%}
{%- set key = entity_meta(entity).record_key if execute else 'key' -%}
{%- set amount = entity_meta(entity).get('amount') if execute else none -%}
{{ entity }}_bronze as (
    {% for system, relation in feeds -%}
    select
        '{{ entity }}' as entity,
        '{{ system }}.{{ entity }}' as _source_table,
        _batch_id,
        count(*) as bronze_rows,
        {% if amount and execute -%}
        {%- set column = {'data_type': 'decimal(18,2)', 'config': {'meta': {}}} -%}
        sum({{ typed(bronze_node(system, entity).config.meta.map.get(amount), column) }})
        {%- else -%}
        cast(null as decimal(18, 2))
        {%- endif %} as bronze_amount
    from {{ relation }}
    group by _batch_id
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select
        '{{ entity }}' as entity,
        cast(null as string) as _source_table,
        cast(null as string) as _batch_id,
        cast(null as bigint) as bronze_rows,
        cast(null as decimal(18, 2)) as bronze_amount
    where false
    {% endfor -%}
),

{{ entity }}_staged as (
    select
        staged._source_table,
        staged._batch_id,
        case
            when staged.row_status <> 'valid' then staged.row_status
            when current_records.{{ key }} is not null then 'current'
            else 'superseded'
        end as outcome,
        {{ 'staged.' ~ amount if amount else 'cast(null as decimal(18, 2))' }} as amount
    from {{ ref('stg_' ~ entity) }} as staged
    left join {{ ref('cdm_' ~ entity) }} as current_records
        on
            staged.{{ key }} = current_records.{{ key }}
            and staged._batch_id = current_records._batch_id
            and staged._row_number = current_records._row_number
    where staged.row_status <> 'deleted'
),

{{ entity }}_outcomes as (
    select
        _source_table,
        _batch_id,
        {% for outcome in ['rejected', 'duplicate', 'superseded', 'current', 'quarantined'] -%}
        count(*) filter (where outcome = '{{ outcome }}') as {{ outcome }}_rows,
        coalesce(sum(amount) filter (where outcome = '{{ outcome }}'), 0) as {{ outcome }}_amount
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from {{ entity }}_staged
    group by _source_table, _batch_id
),

{% endfor -%}
bronze as (
    {% for entity in entities() -%}
    select * from {{ entity }}_bronze
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

outcomes as (
    {% for entity in entities() -%}
    select * from {{ entity }}_outcomes
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

final as (
    select
        bronze.entity,
        bronze._source_table,
        bronze._batch_id,
        bronze.bronze_rows,
        {% for outcome in ['rejected', 'duplicate', 'superseded', 'current', 'quarantined'] -%}
        coalesce(outcomes.{{ outcome }}_rows, 0) as {{ outcome }}_rows,
        {% endfor -%}
        cast(bronze.bronze_amount as decimal(18, 2)) as bronze_amount,
        {% for outcome in ['rejected', 'duplicate', 'superseded', 'current', 'quarantined'] -%}
        cast(outcomes.{{ outcome }}_amount as decimal(18, 2)) as {{ outcome }}_amount{% if not loop.last %},{% endif %}
        {% endfor %}
    from bronze
    left join outcomes
        on bronze._source_table = outcomes._source_table and bronze._batch_id = outcomes._batch_id
)

select * from final
