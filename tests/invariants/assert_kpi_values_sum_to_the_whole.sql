-- Invariant 11 for published values. A hospital or payer group that a total omits is money nobody looks for; a month
-- too many in a window hides the month in which a rate broke.
with

-- From the measures, month by month, without the way kpi_values takes: a sum per window of month numbers.
expected as (
    select
        measures.kpi_name,
        windows.month_key,
        sum(measures.numerator) as numerator,
        sum(measures.denominator) as denominator
    from {{ ref('kpi_measures') }} as measures
    inner join {{ ref('kpi_contracts') }} as contracts on measures.kpi_name = contracts.kpi_name
    inner join {{ ref('kpi_windows') }} as windows
        on measures.hospital_key = windows.hospital_key and contracts.kpi_window = windows.kpi_window
    where measures.month_key between windows.first_month_key and windows.last_month_key
    group by measures.kpi_name, windows.month_key
),

shown as (
    select
        kpi_values.kpi_name,
        kpi_values.month_key,
        case when kpi_values.hospital_key is null then 'all hospitals' else 'each hospital' end as hospitals,
        case when kpi_values.payer_group = 'All payer groups' then 'all groups' else 'each group' end as payer_groups,
        sum(kpi_values.numerator) as numerator,
        sum(kpi_values.denominator) as denominator
    from {{ ref('kpi_values') }} as kpi_values
    inner join {{ ref('kpi_contracts') }} as contracts
        on kpi_values.kpi_name = contracts.kpi_name and kpi_values.kpi_window = contracts.kpi_window
    group by
        kpi_values.kpi_name,
        kpi_values.month_key,
        case when kpi_values.hospital_key is null then 'all hospitals' else 'each hospital' end,
        case when kpi_values.payer_group = 'All payer groups' then 'all groups' else 'each group' end
)

select
    shown.hospitals,
    shown.payer_groups,
    shown.numerator,
    shown.denominator,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator,
    coalesce(expected.kpi_name, shown.kpi_name) as kpi_name,
    coalesce(expected.month_key, shown.month_key) as month_key
from expected
full outer join shown on expected.kpi_name = shown.kpi_name and expected.month_key = shown.month_key
where
    expected.numerator is distinct from shown.numerator
    or expected.denominator is distinct from shown.denominator
