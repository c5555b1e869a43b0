-- Question: What does each KPI mean, and can this warehouse compute it?
-- Reading: The contracts as the models declare them. "needs" names the column or feed that is missing.
select *
from gold.kpi_contracts
order by subject, kpi_name
