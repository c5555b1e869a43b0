{{ config(schema='deid_keys', materialized='incremental', incremental_strategy='append', full_refresh=false) }}

{% set record_keys = {
    'patients': 'patient_key', 'encounters': 'encounter_key', 'transactions': 'transaction_key', 'claims': 'claim_key'
} %}

-- Drawn at random, once: an id computed from a value could be recomputed by anyone who knows the value.
with

records as (
    {% for entity, key in record_keys.items() -%}
    select
        '{{ entity }}' as entity,
        {{ key }} as record_key
    from {{ ref('cdm_' ~ entity) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

known as (
    {% if is_incremental() -%}
    select
        entity,
        record_key
    from {{ this }}
    {%- else -%}
    select
        cast(null as string) as entity,
        cast(null as string) as record_key
    {%- endif %}
),

final as (
    select
        records.entity,
        records.record_key,
        cast(uuid() as string) as surrogate_id
    from records
    left join known on records.entity = known.entity and records.record_key = known.record_key
    where known.record_key is null
)

select * from final
