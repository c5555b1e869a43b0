-- Question: What does each KPI mean, and can this warehouse compute it?
-- Reading: The contracts as the models declare them. "needs" names the column or feed that is missing.
select
    kpi_name,
    kpi_label,
    subject,
    formula,
    numerator,
    denominator,
    date_basis,
    exclusions,
    computability,
    needs,
    unit,
    target,
    benchmark,
    map_key,
    map_difference,
    if_empty,
    model_name,
    kpi_window,
    headline_order,
    page,
    split_by,
    feed,
    is_by_payer_group,
    is_additive,
    is_share_of_whole,
    is_computed
from gold.kpi_contracts
order by subject, kpi_name
