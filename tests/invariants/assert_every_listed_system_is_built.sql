-- A hospital that is left out keeps the dollars of an earlier build beside newer ones of the others: somebody must
-- know.
select
    source_system,
    last_staged_at
from {{ ref('dq_systems') }}
where is_left_out
