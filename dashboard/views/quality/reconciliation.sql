-- Question: Is every row of bronze somewhere, and every dollar?
-- Reading: Bronze rows by what became of them; bronze is counted in bronze itself. Unaccounted rows and dollars must
-- be 0. Waiting rows are of batches that nobody decided about yet, refused ones of batches that are never built.
-- Charges are of entities with money.
select
    entity,
    sum(bronze_rows) as bronze_rows,
    sum(current_rows) as current_rows,
    sum(superseded_rows) as superseded_rows,
    sum(duplicate_rows) as duplicate_rows,
    sum(quarantined_rows) as quarantined_rows,
    sum(rejected_rows) as rejected_rows,
    sum(waiting_rows) as waiting_rows,
    sum(refused_rows) as refused_rows,
    sum(
        bronze_rows - current_rows - superseded_rows - duplicate_rows - quarantined_rows - rejected_rows
        - waiting_rows - refused_rows
    ) as unaccounted_rows,
    sum(bronze_amount) as bronze_amount,
    sum(
        bronze_amount - current_amount - superseded_amount - duplicate_amount - quarantined_amount - rejected_amount
        - waiting_amount - refused_amount
    ) as unaccounted_amount
from silver.dq_batch_reconciliation
group by entity
order by entity
