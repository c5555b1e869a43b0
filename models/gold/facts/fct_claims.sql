-- An accumulating snapshot: milestones come from every change of the claim's status, so that a denial later overturned
-- keeps its date.
with

milestones as (
    select
        claim_key,
        min(first_billed_date) as first_billed_date,
        min(case when is_adjudicated then status_date end) as first_adjudicated_date,
        max(case when is_adjudicated then status_date end) as last_adjudicated_date,
        max(case when is_first_adjudication then claim_status end) as first_adjudication_status,
        min(case when is_denied then status_date end) as first_denied_date,
        min(case when is_paid then status_date end) as first_paid_date,
        max(case when is_paid then status_date end) as last_paid_date,
        max(case when is_closing then status_date end) as last_closing_date,
        min(case when is_first_adjudication then sequence_number end) as first_adjudication_number,
        min(case when claim_status = 'REJECTED' then sequence_number end) as first_rejection_number
    from {{ ref('int_claim_status_changes') }}
    group by claim_key
),

claims as (
    select
        cdm.claim_key,
        cdm.source_system,
        cdm.claim_id,
        cdm.transaction_id,
        cdm.encounter_id,
        cdm.patient_id,
        cdm.provider_id,
        cdm.department_id,
        cdm.payer_id,
        payers.payer_group,
        cdm.claim_status,
        cdm.service_date,
        cdm.claim_date,
        coalesce(milestones.first_billed_date, cdm.claim_date) as first_billed_date,
        milestones.first_adjudicated_date,
        milestones.last_adjudicated_date,
        milestones.first_adjudication_status,
        milestones.first_denied_date,
        milestones.first_paid_date,
        milestones.last_paid_date,
        milestones.last_closing_date,
        coalesce(
            milestones.first_rejection_number < milestones.first_adjudication_number, false
        ) as was_rejected_first,
        coalesce(statuses.is_adjudicated, false) as is_adjudicated,
        coalesce(statuses.is_denied, false) as is_denied,
        coalesce(statuses.is_paid, false) as is_paid,
        coalesce(statuses.is_withdrawn, false) as is_withdrawn,
        coalesce(statuses.is_open, false) as is_open,
        coalesce(cdm.claim_amount, 0) as claim_amount,
        coalesce(cdm.paid_amount, 0) as reported_paid_amount,
        coalesce(cdm.deductible_amount, 0) as deductible_amount,
        coalesce(cdm.coinsurance_amount, 0) as coinsurance_amount,
        coalesce(cdm.copay_amount, 0) as copay_amount,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.transaction_id']) }} as transaction_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.encounter_id']) }} as encounter_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.patient_id']) }} as patient_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.provider_id']) }} as provider_key,
        {{ generate_surrogate_key(['cdm.source_system', 'cdm.department_id']) }} as department_key
    from {{ ref('cdm_claims') }} as cdm
    inner join {{ ref('int_claim_payers') }} as payers on cdm.claim_key = payers.claim_key
    left join {{ ref('claim_statuses') }} as statuses on cdm.claim_status = statuses.claim_status
    left join milestones on cdm.claim_key = milestones.claim_key
),

-- A claim sent again under a new number, for the same line, payer and amount, is the same claim to a rate.
repeated_lines as (
    select
        transaction_key,
        payer_id,
        claim_amount
    from claims
    where transaction_id is not null and not is_withdrawn
    group by transaction_key, payer_id, claim_amount
    having count(*) > 1
),

submissions as (
    select
        claims.claim_key,
        row_number() over (
            partition by claims.transaction_key, claims.payer_id, claims.claim_amount
            order by claims.first_billed_date, claims.claim_id
        ) = 1 as is_first_submission,
        row_number() over (
            partition by claims.transaction_key, claims.payer_id, claims.claim_amount
            order by claims.first_billed_date desc, claims.claim_id desc
        ) = 1 as is_last_submission
    from claims
    inner join repeated_lines
        on
            claims.transaction_key = repeated_lines.transaction_key
            and coalesce(claims.payer_id, '') = coalesce(repeated_lines.payer_id, '')
            and claims.claim_amount = repeated_lines.claim_amount
    where not claims.is_withdrawn
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
        {{ member('dim_procedure.procedure_key', 'transactions.procedure_code') }} as procedure_key,
        {{ member('dim_claim_status.claim_status_key', 'claims.claim_status') }} as claim_status_key,
        {{ date_key('claims.service_date') }} as service_date_key,
        {{ date_key('claims.claim_date') }} as claim_date_key,
        {{ date_key('claims.first_billed_date') }} as first_billed_date_key,
        {{ date_key('claims.first_adjudicated_date') }} as first_adjudicated_date_key,
        {{ date_key('claims.last_adjudicated_date') }} as last_adjudicated_date_key,
        {{ date_key('claims.first_denied_date') }} as first_denied_date_key,
        {{ date_key('claims.first_paid_date') }} as first_paid_date_key,
        {{ date_key('claims.last_paid_date') }} as last_paid_date_key,
        {{ date_key('case when not claims.is_open then claims.last_closing_date end') }} as closed_date_key,
        claims.payer_group,
        claims.claim_status,
        claims.first_adjudication_status,
        claims.is_adjudicated,
        claims.is_denied,
        claims.is_paid,
        claims.is_withdrawn,
        claims.is_open,
        not claims.is_withdrawn and coalesce(submissions.is_first_submission, true) as is_first_submission,
        not claims.is_withdrawn and coalesce(submissions.is_last_submission, true) as is_last_submission,
        coalesce(
            claims.first_adjudication_status <> 'DENIED' and not claims.was_rejected_first, false
        ) as is_resolved_first_pass,
        claims.first_denied_date is not null and claims.is_adjudicated and not claims.is_denied as is_denial_overturned,
        claims.service_date,
        claims.claim_date,
        claims.first_billed_date,
        claims.first_adjudicated_date,
        claims.last_adjudicated_date,
        claims.first_denied_date,
        claims.first_paid_date,
        claims.last_paid_date,
        case when not claims.is_open then claims.last_closing_date end as closed_date,
        cast(
            {{ dbt.datediff('claims.service_date', 'claims.first_billed_date', 'day') }} as bigint
        ) as service_to_bill_days,
        cast(
            {{ dbt.datediff('claims.first_billed_date', 'claims.first_adjudicated_date', 'day') }} as bigint
        ) as bill_to_decision_days,
        cast(
            {{ dbt.datediff('claims.first_billed_date', 'claims.first_paid_date', 'day') }} as bigint
        ) as bill_to_payment_days,
        claims.claim_amount,
        claims.reported_paid_amount,
        claims.deductible_amount,
        claims.coinsurance_amount,
        claims.copay_amount,
        -- What is approved and shows no payment yet does not say what will be allowed.
        cast(
            case
                when
                    claims.is_paid
                    or (claims.is_adjudicated and not claims.is_denied and claims.reported_paid_amount > 0)
                    then
                        claims.reported_paid_amount + claims.deductible_amount + claims.coinsurance_amount
                        + claims.copay_amount
            end as decimal(18, 2)
        ) as allowed_amount,
        cast(case when claims.is_denied then claims.claim_amount else 0 end as decimal(18, 2)) as denied_amount,
        cast(
            case when claims.is_open then claims.claim_amount - claims.reported_paid_amount else 0 end as decimal(18, 2)
        ) as open_amount
    from claims
    left join submissions on claims.claim_key = submissions.claim_key
    left join {{ ref('dim_hospital') }} as dim_hospital
        on {{ generate_surrogate_key(['claims.source_system']) }} = dim_hospital.hospital_key
    left join {{ ref('dim_claim_status') }} as dim_claim_status on claims.claim_status = dim_claim_status.claim_status
    left join {{ ref('cdm_transactions') }} as transactions on claims.transaction_key = transactions.transaction_key
    left join {{ ref('dim_procedure') }} as dim_procedure on transactions.procedure_code = dim_procedure.procedure_code
    left join {{ ref('cdm_encounters') }} as encounters on claims.encounter_key = encounters.encounter_key
    {{ join_as_of('dim_patient', 'patient_key', 'claims.patient_key', 'claims.service_date') }}
    {{ join_as_of('dim_provider', 'provider_key', 'claims.provider_key', 'claims.service_date') }}
    {{ join_as_of('dim_department', 'department_key', 'claims.department_key', 'claims.service_date') }}
)

select * from final
