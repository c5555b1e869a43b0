-- Which months count in a KPI's value as of a ledger month, by window: the macro kpi_windows as a table.
with

months as (
    select
        *,
        min(month_key) over (partition by hospital_key) as first_ledger_month_key
    from {{ ref('dim_ledger_month') }}
),

bounds as (
    {%- for kpi_window, (first_month, last_month) in kpi_windows().items() %}
    select
        '{{ kpi_window }}' as kpi_window,
        months.hospital_key,
        months.hospital_name,
        months.month_key,
        months.as_of_date,
        months.first_ledger_month_key,
        {{ first_month }} as first_month_start_date,
        {{ last_month }} as last_month_start_date
    from months
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
),

final as (
    select
        kpi_window,
        hospital_key,
        hospital_name,
        month_key,
        as_of_date,
        {{ month_key('first_month_start_date') }} as first_month_key,
        {{ month_key('last_month_start_date') }} as last_month_key,
        {{ month_key('last_month_start_date') }} >= first_ledger_month_key as is_reached
    from bounds
)

select * from final
