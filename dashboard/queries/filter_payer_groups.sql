-- Question: Which payer groups are there?
select distinct payer_group
from gold.fct_ar_rollforward_monthly
order by payer_group
