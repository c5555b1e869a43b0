-- One page for finance: the KPIs whose contract has a place on it, each hospital as of its own last month, all of them
-- together as of the last month that all of them have.
with

last_months as (
    select
        hospital_key,
        month_key
    from {{ ref('dim_ledger_month') }}
    where is_latest

    union all

    select
        cast(null as string) as hospital_key,
        min(month_key) as month_key
    from {{ ref('dim_ledger_month') }}
    where is_latest
),

labelled as (
    select
        kpi_values.*,
        contracts.headline_order as sort_order,
        contracts.unit,
        coalesce(contracts.target, '') as target,
        -- What needs a feed has rows only of hospitals that send it.
        case contracts.computability when 'needs' then 'exact' else contracts.computability end as computability,
        case
            when kpi_values.split is null then contracts.kpi_label
            else concat(contracts.kpi_label, ': ', kpi_values.split)
        end as kpi_label
    from {{ ref('kpi_values') }} as kpi_values
    inner join {{ ref('kpi_contracts') }} as contracts
        on kpi_values.kpi_name = contracts.kpi_name and kpi_values.kpi_window = contracts.kpi_window
    where contracts.headline_order is not null and kpi_values.payer_group = 'All payer groups'
),

final as (
    select
        {{ generate_surrogate_key(['labelled.hospital_name', 'labelled.kpi_label']) }} as headline_key,
        labelled.as_of_date,
        labelled.hospital_name,
        labelled.sort_order,
        labelled.kpi_name,
        labelled.kpi_label,
        labelled.numerator,
        labelled.denominator,
        labelled.kpi_value,
        labelled.unit,
        labelled.target,
        labelled.computability
    from labelled
    inner join last_months
        on
            labelled.month_key = last_months.month_key
            and coalesce(labelled.hospital_key, 'all') = coalesce(last_months.hospital_key, 'all')
)

select * from final
