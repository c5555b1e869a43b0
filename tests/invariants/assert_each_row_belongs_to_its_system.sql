-- Two bronze schemas read under one name gave one hospital the other's bills; a file must not lend its name to another.
select distinct
    entity,
    _source_table,
    split_part(_batch_id, '-', 2) as batch_table
from {{ ref('dq_staged_rows') }}
where _source_table <> split_part(_batch_id, '-', 2)
