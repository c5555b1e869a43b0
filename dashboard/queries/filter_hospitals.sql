-- Question: Which hospitals are there?
select distinct hospital_name
from gold.rpt_volumes
order by hospital_name
