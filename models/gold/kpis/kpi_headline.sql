-- One page for finance: the KPIs whose contract has a place on it, each hospital as of its own last complete month, all
-- of them together as kpi_group_members says.
with

last_months as (
    select
        hospital_key,
        month_key,
        is_complete
    from {{ ref('dim_ledger_month') }}
    where is_reported

    union all

    select distinct
        cast(null as string) as hospital_key,
        members.month_key,
        cast(null as boolean) as is_complete
    from {{ ref('kpi_group_members') }} as members
    where members.is_reported
),

labelled as (
    select
        kpi_values.*,
        contracts.headline_order as sort_order,
        contracts.unit,
        coalesce(contracts.target, '') as target,
        -- What needs a feed has values only of hospitals that send it.
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
        case when labelled.kpi_value is not null then labelled.computability end as computability,
        labelled.unknown_reason,
        labelled.members,
        labelled.left_out,
        last_months.is_complete
    from labelled
    inner join last_months
        on
            labelled.month_key = last_months.month_key
            and coalesce(labelled.hospital_key, 'all') = coalesce(last_months.hospital_key, 'all')
)

select * from final
