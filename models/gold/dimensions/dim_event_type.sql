-- What the ledger can post, and what each posting counts as: vars.event_types as a table, for everybody outside of dbt.
with

final as (
    {%- for row in var('event_types') %}
    select
        '{{ row.type }}' as event_type,
        '{{ row.class }}' as event_class,
        '{{ row.label }}' as event_label,
        cast({{ row.get('sign', 'null') }} as bigint) as ar_sign,
        {{ row.get('cash', false) | lower }} as is_cash,
        {{ row.get('net_revenue', false) | lower }} as is_net_revenue,
        cast({{ "'" ~ row.column ~ "'" if row.column is defined else 'null' }} as string) as report_column,
        cast({{ loop.index }} as bigint) as sort_order
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select * from final
