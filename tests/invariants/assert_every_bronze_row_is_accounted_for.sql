-- Invariant 1. A difference is a bill that arrived and that no one will ever see, or one that is counted twice.
select
    entity,
    _batch_id,
    bronze_rows
from {{ ref('dq_batch_reconciliation') }}
where bronze_rows <> rejected_rows + duplicate_rows + superseded_rows + current_rows + quarantined_rows
    + waiting_rows + refused_rows
