-- Judged on current records: a parent that arrives later mends its orphans.
with

{% set rules = [] -%}
{%- for entity in entities() -%}
{%- set records = ref('cdm_' ~ entity) -%}
{%- for column, of_column in (relations(entity) if execute else []) | groupby('column') -%}
{%- set parent = of_column[0].parent -%}
{%- set parent_key = entity_meta(parent).record_key -%}
{%- set parts = [] -%}
{%- for part in entity_meta(parent).key_columns -%}
    {%- do parts.append('child.source_system' if part == 'source_system' else 'child.' ~ column) -%}
{%- endfor -%}
{{ entity }}_{{ column }}_judged as (
    select
        child.source_system,
        child._source_table,
        parent.{{ parent_key }} is null as is_orphan
        {%- for rule in of_column if 'bad_when' in rule %},
        coalesce({{ rule.bad_when }}, false) as {{ rule.name }}
        {%- endfor %}
    from {{ records }} as child
    left join {{ ref('cdm_' ~ parent) }} as parent
        on {{ generate_surrogate_key(parts) }} = parent.{{ parent_key }}
    where child.{{ column }} is not null
),

{{ entity }}_{{ column }} as (
    select
        source_system,
        _source_table,
        count(*) as named,
        count(*) filter (where is_orphan) as orphans
        {%- for rule in of_column if 'bad_when' in rule %},
        count(*) filter (where {{ rule.name }}) as {{ rule.name }}
        {%- endfor %}
    from {{ entity }}_{{ column }}_judged
    group by source_system, _source_table
),

{% for rule in of_column -%}
{%- set tables = tables_related(rule, entity) -%}
{%- if tables -%}
{%- do rules.append(entity ~ '__' ~ rule.name) -%}
{{ entity }}__{{ rule.name }} as (
    select
        '{{ entity }}' as entity,
        source_system,
        _source_table,
        '{{ column }}' as column_name,
        '{{ rule.name }}' as rule_name,
        '{{ parent }}' as parent_entity,
        {{ 'named - orphans' if 'bad_when' in rule else 'named' }} as rows_checked,
        {{ rule.name if 'bad_when' in rule else 'orphans' }} as rows_failed,
        cast(
            case _source_table
                {% for table, judged in tables.items() -%}
                when '{{ table }}' then {{ judged.limit }}
                {% endfor -%}
            end as decimal(18, 4)
        ) as limit_rate
    from {{ entity }}_{{ column }}
    where _source_table in ('{{ tables | join("', '") }}')
),

{% endif -%}
{% endfor -%}
{% endfor -%}
{% endfor -%}
unioned as (
    {% for name in rules -%}
    select * from {{ name }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

final as (
    select
        *,
        {{ safe_divide('rows_failed', 'rows_checked') }} as failure_rate,
        -- A handful of records has no rate worth a warning.
        rows_checked >= {{ var('quarantine').minimum_rows }} and rows_failed > limit_rate * rows_checked
            as is_over_limit
    from unioned
)

select * from final
