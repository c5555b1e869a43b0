-- Bronze is counted in bronze itself: a row that staging lost would show as a difference, not vanish from both sides.
{% set sources = [] -%}
{% for system, entities in listed_systems().items() -%}
{% for entity in entities -%}{% do sources.append((system, entity, source(system, entity))) -%}{% endfor -%}
{% endfor -%}
{% set left_out = left_out_systems() -%}
{% set earlier = load_relation(this) if execute and left_out else none -%}
{% set held = adapter.get_columns_in_relation(earlier) | map(attribute='name') | list if earlier else [] -%}
{% set has_rounding = 'rounded_rows' in held -%}
{% set outcomes = ['rejected', 'duplicate', 'superseded', 'current', 'quarantined', 'waiting'] -%}

with

bronze_rows as (
    {% for system, entity, relation in sources -%}
    {% set amount = amount_of(system, entity, entity_meta(entity).amount) if execute -%}
    select _batch_id, '{{ entity }}' as entity, '{{ system }}.{{ entity }}' as _source_table, {{ amount }} as amount
    from {{ relation }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {%- else -%}
    select
        cast(null as string) as _batch_id,
        cast(null as string) as entity,
        cast(null as string) as _source_table,
        cast(null as decimal(18, 2)) as amount
    where false
    {%- endfor %}
),

bronze as (
    select
        entity,
        _source_table,
        _batch_id,
        count(*) as bronze_rows,
        -- Wider than what it sums: no number of lines can overflow it.
        sum(cast(amount as decimal(38, 2))) as bronze_amount
    from bronze_rows
    group by entity, _source_table, _batch_id
),

current_records as (
    {% for entity in entities() -%}
    select _batch_id, _row_number, '{{ entity }}' as entity from {{ ref('cdm_' ~ entity) }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {%- endfor %}
),

staged as (
    select
        staged._source_table,
        staged._batch_id,
        staged.row_amount,
        staged._rounded_amount,
        case
            when breaker.is_waiting then 'waiting'
            when staged.row_status <> 'valid' then staged.row_status
            when current_records._batch_id is not null then 'current'
            else 'superseded'
        end as outcome
    from {{ ref('dq_staged_rows') }} as staged
    inner join {{ ref('dq_circuit_breaker') }} as breaker on staged._batch_id = breaker._batch_id
    left join current_records
        on
            staged.entity = current_records.entity
            and staged._batch_id = current_records._batch_id
            and staged._row_number = current_records._row_number
    where staged.row_status <> 'deleted'
),

outcomes as (
    select
        _source_table,
        _batch_id,
        count(_rounded_amount) as rounded_rows,
        sum(_rounded_amount) as rounded_amount,
        {% for outcome in outcomes -%}
        count(*) filter (where outcome = '{{ outcome }}') as {{ outcome }}_rows,
        coalesce(sum(cast(row_amount as decimal(38, 2))) filter (where outcome = '{{ outcome }}'), 0)
            as {{ outcome }}_amount
        {%- if not loop.last %},
        {% endif -%}
        {% endfor %}
    from staged
    group by _source_table, _batch_id
),

refused as (
    select distinct batch_id
    from {{ source('ledger', 'batch_decision') }}
    where decision = 'refused'
),

final as (
    select
        bronze.entity,
        bronze._source_table,
        bronze._batch_id,
        bronze.bronze_rows,
        {% for outcome in outcomes -%}
        coalesce(outcomes.{{ outcome }}_rows, 0) as {{ outcome }}_rows,
        {% endfor -%}
        case when refused.batch_id is null then 0 else bronze.bronze_rows end as refused_rows,
        coalesce(outcomes.rounded_rows, 0) as rounded_rows,
        bronze.bronze_amount,
        cast(coalesce(outcomes.rounded_amount, 0) as decimal(18, 6)) as rounded_amount,
        {% for outcome in outcomes -%}
        coalesce(outcomes.{{ outcome }}_amount, 0) as {{ outcome }}_amount,
        {% endfor -%}
        coalesce(case when refused.batch_id is not null then bronze.bronze_amount end, 0) as refused_amount
    from bronze
    left join outcomes
        on bronze._source_table = outcomes._source_table and bronze._batch_id = outcomes._batch_id
    left join refused on bronze._batch_id = refused.batch_id

    {% if earlier -%}
    union all

    -- What is left out of this build is as it was last built.
    select
        entity,
        _source_table,
        _batch_id,
        bronze_rows,
        {% for outcome in outcomes -%}
        {{ outcome }}_rows,
        {% endfor -%}
        refused_rows,
        {{ 'rounded_rows' if has_rounding else 'cast(0 as bigint) as rounded_rows' }},
        bronze_amount,
        {{ 'rounded_amount' if has_rounding else 'cast(0 as decimal(18, 6)) as rounded_amount' }},
        {% for outcome in outcomes -%}
        {{ outcome }}_amount,
        {% endfor -%}
        refused_amount
    from {{ earlier }}
    where split_part(_source_table, '.', 1) in ('{{ left_out | join("', '") }}')
    {%- endif %}
)

select * from final
