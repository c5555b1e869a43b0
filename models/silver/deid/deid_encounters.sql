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
        {{ only_of_list('encounters.encounter_type', [
            'inpatient', 'outpatient', 'emergency', 'telemedicine', 'routine checkup'
        ]) }} as encounter_type,
        {{ only_of_shape('encounters.procedure_code', '^[0-9A-Z]{5}$') }} as procedure_code
    from encounters
    inner join surrogates on encounters.encounter_key = surrogates.record_key
    left join patients on encounters.patient_key = patients.record_key
)

select * from final
