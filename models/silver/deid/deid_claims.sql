with

surrogates as (
    {{ deid_surrogates('claims') }}
),

transactions as (
    {{ deid_surrogates('transactions') }}
),

encounters as (
    {{ deid_surrogates('encounters') }}
),

patients as (
    {{ deid_surrogates('patients') }}
),

claims as (
    select
        *,
        {{ generate_surrogate_key(['source_system', 'transaction_id']) }} as transaction_key,
        {{ generate_surrogate_key(['source_system', 'encounter_id']) }} as encounter_key,
        {{ generate_surrogate_key(['source_system', 'patient_id']) }} as patient_key
    from {{ ref('cdm_claims') }}
),

final as (
    select
        surrogates.surrogate_id as claim_surrogate_id,
        transactions.surrogate_id as transaction_surrogate_id,
        encounters.surrogate_id as encounter_surrogate_id,
        patients.surrogate_id as patient_surrogate_id,
        payers.payer_group,
        claims.claim_status,
        cast(year(claims.service_date) as bigint) as service_year,
        cast(year(claims.claim_date) as bigint) as claim_year,
        claims.claim_amount,
        claims.paid_amount,
        claims.deductible_amount,
        claims.coinsurance_amount,
        claims.copay_amount
    from claims
    inner join surrogates on claims.claim_key = surrogates.record_key
    left join {{ ref('int_claim_payers') }} as payers on claims.claim_key = payers.claim_key
    left join transactions on claims.transaction_key = transactions.record_key
    left join encounters on claims.encounter_key = encounters.record_key
    left join patients on claims.patient_key = patients.record_key
)

select * from final
-- The order of rows would give away the order of the numbers that the ids stand for.
order by claim_surrogate_id
