-- Suspects to look at, not rows to remove: the same procedure can rightly be done twice a day, and a claim sent again
-- under a new number is a correction. Rows that a source sent twice are removed before gold.
with

charge_lines as (
    select
        transactions.hospital_key,
        patients.patient_key,
        transactions.procedure_key,
        transactions.payer_key,
        transactions.service_date,
        transactions.charge_amount as billed_amount,
        transactions.transaction_key
    from {{ within_warehouse(ref('fct_transactions')) }} as transactions
    inner join {{ within_warehouse(ref('dim_patient')) }} as patients
        on transactions.patient_version_key = patients.patient_version_key
    where transactions.charge_amount > 0
),

repeated_lines as (
    select
        hospital_key,
        patient_key,
        procedure_key,
        service_date,
        billed_amount,
        'charge line' as suspect_kind,
        -- One line may be billed to the insurer and its twin to the patient.
        min(payer_key) as payer_key,
        count(*) as times_billed,
        min(transaction_key) as first_transaction_key,
        max(transaction_key) as last_transaction_key
    from charge_lines
    where patient_key not in ('-1', '-2') and procedure_key not in ('-1', '-2')
    group by hospital_key, patient_key, procedure_key, service_date, billed_amount
    having count(*) > 1
),

repeated_claims as (
    select
        charge_lines.hospital_key,
        charge_lines.patient_key,
        charge_lines.procedure_key,
        charge_lines.service_date,
        claims.claim_amount as billed_amount,
        'claim' as suspect_kind,
        claims.payer_key,
        count(*) as times_billed,
        min(charge_lines.transaction_key) as first_transaction_key,
        max(charge_lines.transaction_key) as last_transaction_key
    from {{ within_warehouse(ref('fct_claims')) }} as claims
    inner join charge_lines on claims.transaction_key = charge_lines.transaction_key
    where not claims.is_withdrawn and claims.claim_status <> 'REJECTED'
    group by
        charge_lines.hospital_key,
        charge_lines.transaction_key,
        charge_lines.patient_key,
        charge_lines.procedure_key,
        claims.payer_key,
        charge_lines.service_date,
        claims.claim_amount
    having count(*) > 1
),

suspects as (
    select * from repeated_lines
    union all
    select * from repeated_claims
),

final as (
    select
        suspects.hospital_key,
        hospitals.hospital_name,
        suspects.suspect_kind,
        suspects.patient_key,
        dim_procedure.procedure_code,
        suspects.payer_key,
        payers.payer_name,
        suspects.service_date,
        suspects.billed_amount,
        suspects.times_billed,
        suspects.first_transaction_key,
        suspects.last_transaction_key,
        cast(suspects.billed_amount * (suspects.times_billed - 1) as decimal(18, 2)) as suspect_amount
    from suspects
    inner join {{ within_warehouse(ref('dim_hospital')) }} as hospitals
        on suspects.hospital_key = hospitals.hospital_key
    inner join {{ within_warehouse(ref('dim_procedure')) }} as dim_procedure
        on suspects.procedure_key = dim_procedure.procedure_key
    inner join {{ within_warehouse(ref('dim_payer')) }} as payers on suspects.payer_key = payers.payer_key
)

select * from final
