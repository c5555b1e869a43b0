-- Question: How do the parts compare?
-- Reading: The KPIs of this page that are split, such as billed A/R over 90 days by payer group, over the window of
-- each contract as of the chosen month.
-- Contracts: ar_over_90_days_by_payer_group, payer_mix
select
    contracts.kpi_label,
    kpi.split as part,
    cast(kpi.kpi_value as double) as value_pct,
    kpi.numerator as part_amount,
    kpi.denominator as whole_amount,
    kpi.members,
    kpi.left_out
from gold.kpi_values as kpi
inner join gold.kpi_contracts as contracts
    on kpi.kpi_name = contracts.kpi_name and kpi.kpi_window = contracts.kpi_window
where
    kpi.month_key = :month
    and kpi.hospital_name = :hospital
    and kpi.payer_group = case when contracts.is_by_payer_group then :payer_group else 'All payer groups' end
    and kpi.split is not null
    and contracts.headline_order is not null
order by contracts.headline_order, part
