-- Duplicates are left out: the row they repeat was judged in its own batch.
{{ config(materialized='incremental', incremental_strategy='append') }}

{%- set seen = batches_seen(this) if is_incremental() else {} %}

with

{% for entity in entities() -%}
{{ entity }} as (
    select
        source_system,
        _source_table,
        _batch_id,
        count(*) as rows_checked,
        {% for rule in (all_rules(entity) if execute else []) -%}
        count(*) filter (where {{ has_failed(rule.name) }}) as {{ rule.name }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from {{ ref('stg_' ~ entity) }}
    where
        row_status not in ('duplicate', 'deleted')
        {%- for source_table, batch in seen.items() %}
        and not (_source_table = '{{ source_table }}' and _batch_id <= '{{ batch }}')
        {%- endfor %}
    group by source_system, _source_table, _batch_id
),

{% endfor -%}
final as (
    {% for entity in entities() %}{% set outer = loop -%}
    {% for rule in (all_rules(entity) if execute else []) -%}
    select
        '{{ entity }}' as entity,
        source_system,
        _source_table,
        _batch_id,
        '{{ rule.name }}' as rule_name,
        rows_checked,
        {{ rule.name }} as rows_failed,
        {{ safe_divide(rule.name, 'rows_checked') }} as failure_rate
    from {{ entity }}
    {% if not (loop.last and outer.last) %}union all{% endif %}
    {% endfor -%}
    {% endfor -%}
)

select * from final
