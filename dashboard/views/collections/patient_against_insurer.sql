-- Question: How much do insurers pay, and how much patients?
-- Reading: Cash posted in the twelve months up to the chosen month, by payer group, as known or as restated. Beside it
-- what decided claims of these months say the patient owes (deductible, coinsurance, copay) of what is allowed:
-- evidence from the claim files. Cash from patients well below what they owe is patient debt in the making.
-- Contracts: patient_share, point_of_service_collection
with

cash as (
    select
        payer_group,
        sum(insurance_payment_amount) as insurance_payment_amount,
        sum(patient_payment_amount) as patient_payment_amount
    from gold.rpt_ledger
    where
        month_key = :month
        and basis = :basis
        and is_last_twelve_months
        and :hospital in ('All hospitals', hospital_name)
        and :payer_group in ('All payer groups', payer_group)
    group by payer_group
),

claims as (
    select
        shares.payer_group,
        sum(shares.patient_amount) as patient_responsibility_amount,
        sum(shares.allowed_amount) as allowed_amount
    from gold.kpi_patient_share as shares
    inner join gold.kpi_windows as months
        on
            shares.hospital_key = months.hospital_key
            and shares.claim_month_key between months.first_month_key and months.last_month_key
            and months.kpi_window = 'trailing_12_months'
    where months.month_key = :month and :hospital in ('All hospitals', months.hospital_name)
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
order by cash.insurance_payment_amount desc, cash.payer_group
