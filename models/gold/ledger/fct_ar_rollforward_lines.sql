-- The roll-forward, one line per row, on two bases: as reported, where a closed month shows what was signed, and as
-- restated, where every month shows what the ledger says of it now.
with

lines as (
    {%- for line, label, class in [
        ('opening_amount', 'Opening balance', 'balance'), ('restatement_amount', 'Restatement', 'restatement')
    ] %}
    select
        '{{ line }}' as report_line,
        '{{ label }}' as line_label,
        '{{ class }}' as event_class,
        {{ loop.index }} as sort_order
    union all
    {%- endfor %}
    {%- for column, first_type in report_columns().items() %}
    select
        '{{ column }}' as report_line,
        '{{ first_type.label }}' as line_label,
        '{{ first_type.class }}' as event_class,
        {{ loop.index + 2 }} as sort_order
    union all
    {%- endfor %}
    select
        'closing_amount' as report_line,
        'Closing balance' as line_label,
        'balance' as event_class,
        {{ report_columns() | length + 3 }} as sort_order
),

rollforward as (
    select
        *,
        coalesce(lag(restated_closing_amount) over (
            partition by hospital_key, payer_group order by month_key
        ), 0) as restated_opening_amount
    from {{ ref('fct_ar_rollforward_monthly') }}
),

movements as (
    select
        events.hospital_key,
        events.payer_group,
        {{ month_key('events.post_date') }} as month_key,
        event_types.report_column as report_line,
        sum(events.ar_delta_amount) as line_amount
    from {{ ref('fct_ar_events') }} as events
    inner join {{ ref('dim_event_type') }} as event_types
        on events.event_type = event_types.event_type
    group by events.hospital_key, events.payer_group, {{ month_key('events.post_date') }}, event_types.report_column
),

measured as (
    select
        rollforward.hospital_key,
        rollforward.payer_group,
        rollforward.month_key,
        rollforward.month_start_date,
        rollforward.month_end_date,
        lines.report_line,
        lines.line_label,
        lines.event_class,
        lines.sort_order,
        case lines.report_line
            when 'opening_amount' then rollforward.opening_amount
            when 'restatement_amount' then rollforward.restatement_amount
            {%- for column in report_columns() %}
            when '{{ column }}' then rollforward.{{ column }}
            {%- endfor %}
            when 'closing_amount' then rollforward.closing_amount
        end as reported_amount,
        case lines.report_line
            when 'opening_amount' then rollforward.restated_opening_amount
            when 'closing_amount' then rollforward.restated_closing_amount
            else coalesce(movements.line_amount, 0)
        end as restated_amount
    from rollforward
    cross join lines
    left join movements
        on
            rollforward.hospital_key = movements.hospital_key
            and rollforward.payer_group = movements.payer_group
            and rollforward.month_key = movements.month_key
            and lines.report_line = movements.report_line
),

final as (
    {%- for basis in ['reported', 'restated'] %}
    select
        hospital_key,
        payer_group,
        month_key,
        month_start_date,
        month_end_date,
        '{{ basis }}' as basis,
        report_line,
        line_label,
        event_class,
        cast(sort_order as bigint) as sort_order,
        cast({{ basis }}_amount as decimal(18, 2)) as line_amount
    from measured
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
)

select * from final
