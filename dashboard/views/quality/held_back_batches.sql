-- Question: Is a source quarantined in bulk?
-- Reading: Batches with rejected or quarantined rows, the worst first, against the limit of their source table. A
-- tripped batch waits for a decision.
select
    entity,
    _source_table as source_table,
    count(*) as batches,
    sum(batch_rows) as batch_rows,
    sum(held_back_rows) as held_back_rows,
    max(held_back_rate) * 100 as worst_batch_pct,
    max(limit_rate) * 100 as limit_pct,
    count(*) filter (where is_tripped) as tripped_batches
from silver.dq_circuit_breaker
group by entity, _source_table
having sum(held_back_rows) > 0
order by tripped_batches desc, worst_batch_pct desc, entity, source_table
