with

surrogates as (
    {{ deid_surrogates('encounters') }}
),

patients as (
    {{ deid_surrogates('patients') }}
),

encounters as (
    select
        *,
        {{ generate_surrogate_key(['source_system', 'patient_id']) }} as patient_key
    from {{ ref('cdm_encounters') }}
),

final as (
    select
        surrogates.surrogate_id as encounter_surrogate_id,
        patients.surrogate_id as patient_surrogate_id,
        cast(year(encounters.encounter_date) as bigint) as encounter_year,
        lower({{ only_of_visit_kinds('encounters.encounter_type') }}) as encounter_type,
        {{ only_of_code_systems('encounters.procedure_code', ['CPT', 'HCPCS']) }} as procedure_code
    from encounters
    inner join surrogates on encounters.encounter_key = surrogates.record_key
    left join patients on encounters.patient_key = patients.record_key
)

select * from final
-- The order of rows would give away the order of the numbers that the ids stand for.
order by encounter_surrogate_id
