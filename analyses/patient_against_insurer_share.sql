-- Question: how much do insurers pay, and how much patients?
-- Reading: cash from the ledger to date, by payer group. Beside it what decided claims say the patient owes
-- (deductible, coinsurance, copay) of what is allowed (that and the insurer's part): evidence from the claim files,
-- not ledger. Cash from patients well below the share they owe is patient debt in the making.
with

parts as (
    select
        hospital_key,
        payer_group,
        insurance_payment_amount,
        patient_payment_amount,
        0 as patient_responsibility_amount,
        0 as allowed_amount
    from {{ ref('rpt_ledger') }}
    where is_latest and basis = 'restated'

    union all

    select
        hospital_key,
        payer_group,
        0 as insurance_payment_amount,
        0 as patient_payment_amount,
        patient_amount as patient_responsibility_amount,
        allowed_amount
    from {{ ref('kpi_patient_share') }}
)

select
    hospitals.hospital_name,
    parts.payer_group,
    sum(parts.insurance_payment_amount) as insurance_payment_amount,
    sum(parts.patient_payment_amount) as patient_payment_amount,
    {{ safe_divide(
        'sum(parts.patient_payment_amount) * 100',
        'sum(parts.insurance_payment_amount + parts.patient_payment_amount)'
    ) }} as patient_cash_pct,
    sum(parts.patient_responsibility_amount) as patient_responsibility_amount,
    sum(parts.allowed_amount) as allowed_amount,
    {{ safe_divide('sum(parts.patient_responsibility_amount) * 100', 'sum(parts.allowed_amount)') }}
        as patient_responsibility_pct
from parts
inner join {{ ref('dim_hospital') }} as hospitals on parts.hospital_key = hospitals.hospital_key
group by hospitals.hospital_name, parts.payer_group
order by hospitals.hospital_name asc, parts.payer_group asc
