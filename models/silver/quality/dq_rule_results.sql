-- Duplicates are left out: the row they repeat was judged in its own batch. A rule that does not apply to a source
-- gives no row, so that its zero does not look like a clean bill.
{{ config(materialized='incremental', incremental_strategy='append') }}

{%- set seen = batches_seen(this) if is_incremental() else {} %}

with

{% set results = [] -%}
{%- for entity in entities() -%}
{{ entity }} as (
    select
        source_system,
        _source_table,
        _batch_id,
        count(*) as rows_staged,
        count(*) filter (where row_status <> 'rejected') as rows_read,
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

{% for rule in (all_rules(entity) if execute else []) -%}
{%- for severity, tables in tables_judged(rule, entity).items() | groupby(1) -%}
{%- do results.append(entity ~ '__' ~ rule.name ~ '__' ~ severity) -%}
{{ results[-1] }} as (
    select
        '{{ entity }}' as entity,
        source_system,
        _source_table,
        _batch_id,
        '{{ rule.name }}' as rule_name,
        '{{ severity }}' as severity,
        -- What cannot be read is judged by no other rule.
        {{ 'rows_staged' if severity == 'reject' else 'rows_read' }} as rows_checked,
        {{ rule.name }} as rows_failed
    from {{ entity }}
    where _source_table in ('{{ tables | map('first') | join("', '") }}')
),

{% endfor -%}
{% endfor -%}
{% endfor -%}
unioned as (
    {% for name in results -%}
    select * from {{ name }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

final as (
    select
        *,
        {{ safe_divide('rows_failed', 'rows_checked') }} as failure_rate
    from unioned
)

select * from final
