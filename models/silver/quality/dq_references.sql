-- Judged on current records: a parent that arrives later mends its orphans.
with

{% for entity in entities() -%}
{%- set columns = graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity].columns.values() if execute else [] -%}
{%- set records = ref('cdm_' ~ entity) -%}
{% for column in columns if 'references' in column.config.meta -%}
{%- set parent = column.config.meta.references -%}
{%- set parent_key = entity_meta(parent).record_key -%}
{%- set parts = [] -%}
{%- for part in entity_meta(parent).key_columns -%}
    {%- do parts.append('child.source_system' if part == 'source_system' else 'child.' ~ column.name) -%}
{%- endfor -%}
{{ entity }}_{{ column.name }} as (
    select
        '{{ entity }}' as entity,
        child.source_system,
        '{{ column.name }}' as column_name,
        '{{ column.name }}_not_found' as rule_name,
        '{{ parent }}' as parent_entity,
        count(*) as rows_checked,
        count(*) filter (where parent.{{ parent_key }} is null) as rows_failed
    from {{ records }} as child
    left join {{ ref('cdm_' ~ parent) }} as parent
        on {{ generate_surrogate_key(parts) }} = parent.{{ parent_key }}
    where child.{{ column.name }} is not null
    group by child.source_system
),

{% endfor -%}
{% endfor -%}
unioned as (
    {%- set names = [] -%}
    {%- for entity in entities() if execute -%}
        {%- set columns = graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity].columns.values() -%}
        {%- for column in columns if 'references' in column.config.meta -%}
            {%- do names.append(entity ~ '_' ~ column.name) -%}
        {%- endfor -%}
    {%- endfor %}
    {% for name in names -%}
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
