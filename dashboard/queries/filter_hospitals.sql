-- Question: Which hospitals are there?
select hospital_name
from gold.dim_hospital
where hospital_key not in ('-1', '-2')
order by hospital_name
