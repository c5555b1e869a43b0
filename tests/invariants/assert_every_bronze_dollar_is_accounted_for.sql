-- Invariant 2. A difference is charged money that silver lost or invented on its way from bronze.
select
    entity,
    _batch_id,
    bronze_amount
from {{ ref('dq_batch_reconciliation') }}
where
    coalesce(bronze_amount, 0)
    <> rejected_amount + duplicate_amount + superseded_amount + current_amount + quarantined_amount
    + waiting_amount + refused_amount
