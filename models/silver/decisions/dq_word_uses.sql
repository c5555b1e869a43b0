-- Every staged row that says something in a column with a vocabulary: what is known, and what is not. One select per
-- column; the rest is plain SQL.
{% set selects = [] -%}
{% for entity in entities() if execute -%}
{% for column in mapped_columns(entity) if accepted_words(column) -%}
{% set said %}
select '{{ entity }}' as entity, '{{ column.name }}' as column_name, source_system, _source_table, _batch_id, _arrival,
    {{ entity_meta(entity).record_key }} as record_key,
    cast({{ amount_behind(entity, column) or 'null' }} as decimal(18, 2)) as amount,
    case when {{ has_unknown_word(column.name) }} then {{ unknown_word_of(column.name) }} end as unknown_word
from {{ ref('stg_' ~ entity) }}
where
    row_status not in ('deleted', 'duplicate', 'rejected')
    and ({{ column.name }} is not null or {{ has_unknown_word(column.name) }})
{%- endset -%}
{% do selects.append(said) -%}
{% endfor -%}
{% endfor -%}
{% for entity in entities() if not execute %}{% do ref('stg_' ~ entity) %}{% endfor -%}
{{ selects | join('\nunion all\n') }}
