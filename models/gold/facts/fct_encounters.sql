with

charges as (
    select
        {{ generate_surrogate_key(['source_system', 'encounter_id']) }} as encounter_key,
        count(*) as transaction_count,
        sum(charge_amount) as charge_amount,
        sum(paid_amount) as paid_amount
    from {{ ref('cdm_transactions') }}
    where encounter_id is not null
    group by source_system, encounter_id
),

encounters as (
    select
        *,
        {{ generate_surrogate_key(['source_system', 'patient_id']) }} as patient_key,
        {{ generate_surrogate_key(['source_system', 'provider_id']) }} as provider_key,
        {{ generate_surrogate_key(['source_system', 'department_id']) }} as department_key
    from {{ ref('cdm_encounters') }}
),

final as (
    select
        encounters.encounter_key,
        {{ generate_surrogate_key(['encounters.source_system']) }} as hospital_key,
        {{ member('dim_patient.patient_version_key', 'encounters.patient_id') }} as patient_version_key,
        {{ member('dim_provider.provider_version_key', 'encounters.provider_id') }} as provider_version_key,
        {{ member('dim_department.department_version_key', 'encounters.department_id') }} as department_version_key,
        {{ member('dim_procedure.procedure_key', 'encounters.procedure_code') }} as procedure_key,
        {{ date_key('encounters.encounter_date') }} as encounter_date_key,
        {{ only_of_visit_kinds('encounters.encounter_type') }} as encounter_type,
        {{ age_band('patients.birth_date', 'encounters.encounter_date') }} as age_band,
        encounters.encounter_date,
        coalesce(charges.transaction_count, 0) as transaction_count,
        cast(coalesce(charges.charge_amount, 0) as decimal(18, 2)) as charge_amount,
        cast(coalesce(charges.paid_amount, 0) as decimal(18, 2)) as paid_amount
    from encounters
    left join charges on encounters.encounter_key = charges.encounter_key
    left join {{ ref('cdm_patients') }} as patients on encounters.patient_key = patients.patient_key
    {{ join_as_of('dim_patient', 'patient_key', 'encounters.patient_key', 'encounters.encounter_date') }}
    {{ join_as_of('dim_provider', 'provider_key', 'encounters.provider_key', 'encounters.encounter_date') }}
    {{ join_as_of('dim_department', 'department_key', 'encounters.department_key', 'encounters.encounter_date') }}
    left join {{ ref('dim_procedure') }} as dim_procedure on encounters.procedure_code = dim_procedure.procedure_code
)

select * from final
