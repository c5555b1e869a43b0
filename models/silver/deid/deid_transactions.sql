with

surrogates as (
    {{ deid_surrogates('transactions') }}
),

encounters as (
    {{ deid_surrogates('encounters') }}
),

patients as (
    {{ deid_surrogates('patients') }}
),

transactions as (
    select
        *,
        {{ generate_surrogate_key(['source_system', 'encounter_id']) }} as encounter_key,
        {{ generate_surrogate_key(['source_system', 'patient_id']) }} as patient_key
    from {{ ref('cdm_transactions') }}
),

final as (
    select
        surrogates.surrogate_id as transaction_surrogate_id,
        encounters.surrogate_id as encounter_surrogate_id,
        patients.surrogate_id as patient_surrogate_id,
        transactions.payer_group,
        transactions.payment_source,
        {{ only_of_code_systems('transactions.procedure_code', ['CPT', 'HCPCS']) }} as procedure_code,
        {{ only_of_shape(
            'transactions.diagnosis_code', '^([A-Z][0-9]|QA)[0-9A-Z]([.]?[0-9A-Z]{1,4})?$'
        ) }} as diagnosis_code,
        cast(year(transactions.service_date) as bigint) as service_year,
        cast(year(transactions.paid_date) as bigint) as paid_year,
        transactions.charge_amount,
        transactions.paid_amount
    from transactions
    inner join surrogates on transactions.transaction_key = surrogates.record_key
    left join encounters on transactions.encounter_key = encounters.record_key
    left join patients on transactions.patient_key = patients.record_key
)

select * from final
-- The order of rows would give away the order of the numbers that the ids stand for.
order by transaction_surrogate_id
