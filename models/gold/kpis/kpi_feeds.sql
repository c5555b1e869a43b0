-- Which feeds each hospital sends that it may also lack: what depends on one is unknown without it, not zero.
with

final as (
    select distinct
        'adjustments' as feed,
        hospital_key
    from {{ ref('fct_adjustments') }}

    union all

    select distinct
        'claims' as feed,
        hospital_key
    from {{ ref('fct_claims') }}

    union all

    select distinct
        'codes' as feed,
        hospital_key
    from {{ ref('fct_transactions') }}
    where procedure_key <> '-2' or diagnosis_key <> '-2' or is_procedure_missing or is_diagnosis_missing
)

select * from final
