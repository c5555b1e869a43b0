-- Question: Which ages of balances are there?
-- Reading: The aging buckets of gold, from the newest balances to the oldest.
select aging_bucket
from gold.dim_aging_bucket
order by sort_order
