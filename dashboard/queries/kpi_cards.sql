-- Question: What is the value of each KPI, and what was it in each month by itself?
-- Reading: Headline rows are the KPI over the window of its contract as of the chosen month, of all hospitals each as
-- of its own last complete month by then. The other rows are the KPI of each month up to the chosen one by itself; of
-- cohorts, of those that count by then. A KPI without a value says why; one of all hospitals says whose it is.
select
    kpi.kpi_name,
    kpi.month_key,
    kpi.kpi_window = contracts.kpi_window and kpi.month_key = :month as is_headline,
    kpi.kpi_window = 'month' as is_month,
    kpi.numerator,
    kpi.denominator,
    cast(kpi.kpi_value as double) as kpi_value,
    kpi.unknown_reason,
    kpi.members,
    kpi.left_out
from gold.kpi_values as kpi
inner join gold.kpi_contracts as contracts on kpi.kpi_name = contracts.kpi_name
where
    kpi.hospital_name = :hospital
    and kpi.payer_group = case when contracts.is_by_payer_group then :payer_group else 'All payer groups' end
    and kpi.split is null
    and (
        (kpi.kpi_window = contracts.kpi_window and kpi.month_key = :month)
        or (kpi.kpi_window = 'month' and kpi.counts_from_month_key <= :month)
    )
order by kpi.kpi_name, kpi.month_key
