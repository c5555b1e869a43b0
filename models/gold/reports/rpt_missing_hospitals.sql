-- A hospital that is listed and of which gold has no charge line: without a row of its own nobody would miss it.
-- A table, because readers of the warehouse alone cannot read the load log.
{{ config(materialized='table') }}
{% set hospitals = [] -%}
{% for system in systems_feeding('transactions') if execute -%}
{% set node = bronze_node(system, 'transactions') -%}
{% if node.config.meta.load.get('active', true) -%}
{% do hospitals.append([system, node.source_meta.get('label', system)]) -%}
{% endif -%}
{% endfor -%}

with

listed as (
    {{ literal_rows(['hospital_code', 'hospital_name'], hospitals) | indent(4) }}
),

batches as (
    select
        concat(listed.hospital_code, '.transactions') as source_table,
        count(breaker._batch_id) as batches,
        coalesce(sum(breaker.batch_rows), 0) as batch_rows,
        coalesce(sum(breaker.held_back_rows), 0) as held_back_rows,
        coalesce(max(case when breaker.is_waiting then 1 else 0 end), 0) as waits,
        coalesce(max(case when breaker.is_accepted then 1 else 0 end), 0) as was_accepted
    from listed
    left join {{ ref('dq_circuit_breaker') }} as breaker
        on breaker._source_table = concat(listed.hospital_code, '.transactions')
    group by listed.hospital_code
),

shares as (
    select
        source_table,
        concat(
            cast(held_back_rows as string), ' of ', cast(batch_rows as string),
            ' rows that arrived are rejected or quarantined'
        ) as held_back_rows_said
    from batches
),

asked as (
    select distinct system as hospital_code
    from {{ source('audit', 'load_log') }}
    where {{ adapter.quote('table') }} = 'transactions'
),

present as (
    select distinct source_system
    from {{ ref('cdm_transactions') }}
),

final as (
    select
        listed.hospital_code,
        listed.hospital_name,
        case
            when batches.batches = 0 and asked.hospital_code is null then 'it was never loaded'
            when batches.batches = 0 then 'nothing arrived that was not refused'
            when batches.waits = 1 then 'all that arrived waits for a decision'
            when batches.held_back_rows > 0 then shares.held_back_rows_said
            else 'its source has no charge line any more'
        end as missing_reason,
        -- Nobody asked for it yet, or somebody looked at it and said that it may be so.
        batches.was_accepted = 1 or (batches.batches = 0 and asked.hospital_code is null) as is_expected
    from listed
    inner join batches on batches.source_table = concat(listed.hospital_code, '.transactions')
    inner join shares on batches.source_table = shares.source_table
    left join asked on listed.hospital_code = asked.hospital_code
    left join present on listed.hospital_code = present.source_system
    where present.source_system is null
)

select * from final
