-- Two bronze schemas read under one name gave one hospital the other's bills; a file must not lend its name to another.
with

staged as (
    {% for entity in entities() -%}
    select distinct
        '{{ entity }}' as entity,
        _source_table,
        split_part(_batch_id, '-', 2) as batch_table
    from {{ ref('stg_' ~ entity) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

select *
from staged
where _source_table <> batch_table
