-- Every staged row of every entity, with what quality needs of it: the one loop over entities, the rest is plain SQL.
{% set lineage = [
    'source_system', 'row_status', 'failed_rules', '_unparsed_columns', '_rounded_amount', '_source_table',
    '_source_file',
    '_batch_id', '_row_number', '_arrival', '_ingested_at', '_declaration_hash',
    '_resembled_key', '_is_new_key'
] -%}
{% for entity in entities() -%}
{% set meta = entity_meta(entity) if execute else {} -%}
{% set amount = meta.get('amount', 'cast(null as decimal(18, 2))') -%}
select '{{ entity }}' as entity, {{ meta.record_key }} as record_key, {{ amount }} as row_amount,
    {{ lineage | join(', ') }}
from {{ ref('stg_' ~ entity) }}
{% if not loop.last -%}
union all
{% endif -%}
{%- endfor %}
