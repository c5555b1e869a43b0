-- Question: Which batches wait for a decision, and who decided about others?
-- Reading: A batch above a limit of its table is kept out of gold, with the later ones of its table, until somebody
-- runs rcm accept or rcm refuse. Decisions stay listed, the newest first. Refused batches are never built.
select
    source_table,
    batch_id,
    case when is_undecided then 'waits' else decision end as decision_state,
    finding,
    decided_at,
    decided_by,
    decision_reason
from gold.fct_source_batches
where is_undecided or decision is not null
order by is_undecided desc, decided_at desc, batch_id
