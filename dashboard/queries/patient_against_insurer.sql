-- Question: How much do insurers pay, and how much patients?
-- Reading: Cash posted in the twelve months up to the chosen month, by payer group, as known or as restated. Beside it
-- what decided claims of these months say the patient owes (deductible, coinsurance, copay) of what is allowed:
-- evidence from the claim files. Cash from patients well below what they owe is patient debt in the making.
-- Contracts: patient_share, point_of_service_collection
-- Uses: hospitals, as_of, ledger
with

cash as (
    select
        payer_group,
        -sum(case when money_type = 'PAYMENT_INSURANCE' then ar_delta_amount else 0 end) as insurance_payment_amount,
        -sum(case when money_type = 'PAYMENT_PATIENT' then ar_delta_amount else 0 end) as patient_payment_amount
    from ledger
    where post_date > as_of_date - interval '12' month
    group by payer_group
),

claims as (
    select
        shares.payer_group,
        sum(shares.patient_amount) as patient_responsibility_amount,
        sum(shares.allowed_amount) as allowed_amount
    from gold.kpi_patient_share as shares
    inner join as_of on shares.hospital_key = as_of.hospital_key
    where
        shares.claim_month_start_date >= as_of.twelve_months_start_date
        and shares.claim_month_key <= as_of.month_key
    group by shares.payer_group
)

select
    cash.payer_group,
    cash.insurance_payment_amount,
    cash.patient_payment_amount,
    cast(cash.patient_payment_amount as double) * 100
    / nullif(cash.insurance_payment_amount + cash.patient_payment_amount, 0) as patient_cash_pct,
    coalesce(claims.patient_responsibility_amount, 0) as patient_responsibility_amount,
    coalesce(claims.allowed_amount, 0) as allowed_amount,
    cast(claims.patient_responsibility_amount as double) * 100 / nullif(claims.allowed_amount, 0)
        as patient_responsibility_pct
from cash
left join claims on cash.payer_group = claims.payer_group
where :payer_group = 'all' or cash.payer_group = :payer_group
order by cash.insurance_payment_amount desc, cash.payer_group
