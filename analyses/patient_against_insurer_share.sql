-- Question: how much do insurers pay, and how much patients?
-- Reading: cash from the ledger to date, by payer group. Beside it what decided claims say the patient owes
-- (deductible, coinsurance, copay) of what is allowed (that and the insurer's part): evidence from the claim files,
-- not ledger. Cash from patients well below the share they owe is patient debt in the making.
with

cash as (
    select
        hospital_key,
        payer_group,
        0 - sum(case when money_type = 'PAYMENT_INSURANCE' then ar_delta_amount else 0 end) as insurance_payment_amount,
        0 - sum(case when money_type = 'PAYMENT_PATIENT' then ar_delta_amount else 0 end) as patient_payment_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group
),

claims as (
    select
        hospital_key,
        payer_group,
        sum(patient_amount) as patient_responsibility_amount,
        sum(allowed_amount) as allowed_amount
    from {{ ref('kpi_patient_share') }}
    group by hospital_key, payer_group
),

final as (
    select
        hospitals.hospital_name,
        coalesce(cash.payer_group, claims.payer_group) as payer_group,
        coalesce(cash.insurance_payment_amount, 0) as insurance_payment_amount,
        coalesce(cash.patient_payment_amount, 0) as patient_payment_amount,
        {{ safe_divide(
            'cash.patient_payment_amount * 100', 'cash.insurance_payment_amount + cash.patient_payment_amount'
        ) }} as patient_cash_pct,
        coalesce(claims.patient_responsibility_amount, 0) as patient_responsibility_amount,
        coalesce(claims.allowed_amount, 0) as allowed_amount,
        {{ safe_divide('claims.patient_responsibility_amount * 100', 'claims.allowed_amount') }}
            as patient_responsibility_pct
    from cash
    full outer join claims on cash.hospital_key = claims.hospital_key and cash.payer_group = claims.payer_group
    inner join {{ ref('dim_hospital') }} as hospitals
        on coalesce(cash.hospital_key, claims.hospital_key) = hospitals.hospital_key
)

select * from final
order by hospital_name asc, payer_group asc
