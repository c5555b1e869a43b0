with

transactions as (
    select
        cdm.*,
        coalesce(cdm.payer_group, 'Unknown') as known_payer_group,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.patient_id']) }} as patient_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.provider_id']) }} as provider_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.department_id']) }} as department_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.encounter_id']) }} as encounter_key,
        {{ account_key('cdm.transaction_key') }} as account_key
    from {{ ref('cdm_transactions') }} as cdm
),

final as (
    select
        transactions.transaction_key,
        {{ generate_surrogate_key(['transactions.source_system']) }} as hospital_key,
        transactions.account_key,
        {{ member('encounters.encounter_key', 'transactions.encounter_id') }} as encounter_key,
        {{ member('dim_patient.patient_version_key', 'transactions.patient_id') }} as patient_version_key,
        {{ member('dim_provider.provider_version_key', 'transactions.provider_id') }} as provider_version_key,
        {{ member('dim_department.department_version_key', 'transactions.department_id') }} as department_version_key,
        {{ payer_key(
            'transactions.source_system', 'transactions.payer_id', 'transactions.known_payer_group'
        ) }} as payer_key,
        {{ member('dim_procedure.procedure_key', 'transactions.procedure_code') }} as procedure_key,
        {{ member('dim_diagnosis.diagnosis_key', 'transactions.diagnosis_code') }} as diagnosis_key,
        {{ date_key('transactions.service_date') }} as service_date_key,
        {{ date_key('transactions.paid_date') }} as paid_date_key,
        transactions.known_payer_group as payer_group,
        transactions.payment_source,
        {{ only_of_visit_kinds('transactions.visit_type') }} as visit_type,
        -- Of a source that sends no such codes neither can be said.
        coalesce(transactions.failed_rules like '%procedure_code_missing%', false) as is_procedure_missing,
        coalesce(transactions.failed_rules like '%diagnosis_code_missing%', false) as is_diagnosis_missing,
        {{ age_band('patients.birth_date', 'transactions.service_date') }} as age_band,
        transactions.service_date,
        transactions.paid_date,
        {{ local_date('transactions.inserted_at', 'transactions.source_system') }} as inserted_date,
        coalesce(transactions.charge_amount, 0) as charge_amount,
        coalesce(transactions.paid_amount, 0) as paid_amount,
        coalesce(adjustments.adjustment_amount, 0) as adjustment_amount,
        cast(
            coalesce(transactions.charge_amount, 0) - coalesce(transactions.paid_amount, 0)
            - coalesce(adjustments.adjustment_amount, 0) as decimal(18, 2)
        ) as balance_amount
    from transactions
    left join {{ ref('int_transaction_adjustments') }} as adjustments
        on transactions.transaction_key = adjustments.transaction_key
    left join {{ ref('cdm_patients') }} as patients on transactions.patient_key = patients.patient_key
    left join {{ ref('cdm_encounters') }} as encounters on transactions.encounter_key = encounters.encounter_key
    {{ join_as_of('dim_patient', 'patient_key', 'transactions.patient_key', 'transactions.service_date') }}
    {{ join_as_of('dim_provider', 'provider_key', 'transactions.provider_key', 'transactions.service_date') }}
    {{ join_as_of('dim_department', 'department_key', 'transactions.department_key', 'transactions.service_date') }}
    left join {{ ref('dim_procedure') }} as dim_procedure on transactions.procedure_code = dim_procedure.procedure_code
    left join {{ ref('int_diagnosis_releases') }} as releases
        on {{ is_release_of('releases', 'transactions.service_date') }}
    left join {{ ref('dim_diagnosis') }} as dim_diagnosis
        on
            replace(transactions.diagnosis_code, '.', '') = replace(dim_diagnosis.diagnosis_code, '.', '')
            and coalesce(releases.release, '') = coalesce(dim_diagnosis.icd_release, '')
            and (releases.valid_from is null) = (dim_diagnosis.validity = 'release not loaded')
)

select * from final
