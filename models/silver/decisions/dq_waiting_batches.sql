-- Nothing selects from this view: its test fails the build, and must not keep other tables' rows out of gold.
select
    entity,
    _source_table,
    _batch_id,
    finding
from {{ ref('dq_circuit_breaker') }}
where is_tripped
