-- Which months count in a KPI's value as of a ledger month, by window: the macro kpi_windows as a table.
with

bounds as (
    {%- for kpi_window, (first_month, last_month) in kpi_windows().items() %}
    select
        '{{ kpi_window }}' as kpi_window,
        months.hospital_key,
        months.hospital_name,
        months.month_key,
        months.as_of_date,
        {{ first_month }} as first_month_start_date,
        {{ last_month }} as last_month_start_date
    from {{ ref('dim_ledger_month') }} as months
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
        {{ month_key('last_month_start_date') }} as last_month_key
    from bounds
)

select * from final
