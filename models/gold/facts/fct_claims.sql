-- An accumulating snapshot: milestones come from the claim's history, so that a denial later overturned keeps its date.
with

milestones as (
    select
        history.claim_key,
        min(history.claim_date) as first_billed_date,
        min(cast(history.modified_at as date)) filter (where statuses.is_adjudicated) as first_adjudicated_date,
        min(cast(history.modified_at as date)) filter (where statuses.is_denied) as first_denied_date,
        max(
            case when history.claim_status in ('PAID', 'PARTIAL') then cast(history.modified_at as date) end
        ) as last_paid_date
    from {{ ref('claims_history') }} as history
    inner join {{ ref('claim_statuses') }} as statuses on history.claim_status = statuses.claim_status
    where not history.is_deleted
    group by history.claim_key
),

claims as (
    select
        cdm.*,
        payers.payer_group,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.transaction_id']) }} as transaction_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.encounter_id']) }} as encounter_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.patient_id']) }} as patient_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.provider_id']) }} as provider_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.department_id']) }} as department_key
    from {{ ref('cdm_claims') }} as cdm
    inner join {{ ref('int_claim_payers') }} as payers on cdm.claim_key = payers.claim_key
),

final as (
    select
        claims.claim_key,
        coalesce(dim_hospital.hospital_key, '-1') as hospital_key,
        {{ member('transactions.transaction_key', 'claims.transaction_id') }} as transaction_key,
        {{ member('encounters.encounter_key', 'claims.encounter_id') }} as encounter_key,
        {{ member('dim_patient.patient_version_key', 'claims.patient_id') }} as patient_version_key,
        {{ member('dim_provider.provider_version_key', 'claims.provider_id') }} as provider_version_key,
        {{ member('dim_department.department_version_key', 'claims.department_id') }} as department_version_key,
        {{ payer_key('claims.source_system', 'claims.payer_id', 'claims.payer_group') }} as payer_key,
        dim_claim_status.claim_status_key,
        {{ date_key('claims.service_date') }} as service_date_key,
        {{ date_key('claims.claim_date') }} as claim_date_key,
        claims.payer_group,
        claims.claim_status,
        dim_claim_status.is_adjudicated,
        dim_claim_status.is_denied,
        dim_claim_status.is_open,
        claims.service_date,
        claims.claim_date,
        milestones.first_billed_date,
        milestones.first_adjudicated_date,
        milestones.first_denied_date,
        milestones.last_paid_date,
        cast(
            {{ dbt.datediff('claims.service_date', 'milestones.first_billed_date', 'day') }} as bigint
        ) as claim_lag_days,
        coalesce(claims.claim_amount, 0) as claim_amount,
        coalesce(claims.paid_amount, 0) as reported_paid_amount,
        coalesce(claims.deductible_amount, 0) as deductible_amount,
        coalesce(claims.coinsurance_amount, 0) as coinsurance_amount,
        coalesce(claims.copay_amount, 0) as copay_amount
    from claims
    left join milestones on claims.claim_key = milestones.claim_key
    left join {{ ref('dim_hospital') }} as dim_hospital
        on {{ generate_surrogate_key(['claims.source_system']) }} = dim_hospital.hospital_key
    left join {{ ref('dim_claim_status') }} as dim_claim_status on claims.claim_status = dim_claim_status.claim_status
    left join {{ ref('cdm_transactions') }} as transactions on claims.transaction_key = transactions.transaction_key
    left join {{ ref('cdm_encounters') }} as encounters on claims.encounter_key = encounters.encounter_key
    {{ join_as_of('dim_patient', 'patient_key', 'claims.patient_key', 'claims.service_date') }}
    {{ join_as_of('dim_provider', 'provider_key', 'claims.provider_key', 'claims.service_date') }}
    {{ join_as_of('dim_department', 'department_key', 'claims.department_key', 'claims.service_date') }}
)

select * from final
