-- Question: Which columns do the KPI tables have?
select
    table_name,
    column_name
from information_schema.columns
where table_schema = 'gold' and table_name like 'kpi%'
