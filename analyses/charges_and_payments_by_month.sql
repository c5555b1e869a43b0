-- Question: what was charged and paid in each month, and what was open at its end?
-- Reading: by post date, the date from which an event counts in the ledger. A correction stands in the month in which
-- it became known, in the bucket of what it corrects. Months without postings are shown. Payments are less refunds;
-- charges - payments + other = change of A/R, and ar_amount adds these up. An incomplete month ends at as_of_date. A
-- month that was closed is signed with what gold.fct_month_close holds.
with

postings as (
    select
        hospital_key,
        post_month_start_date,
        sum(charge_amount) as charge_amount,
        sum(insurance_payment_amount) as insurance_payment_amount,
        sum(patient_payment_amount) as patient_payment_amount,
        sum(unknown_payment_amount) as unknown_payment_amount,
        sum(refund_amount) as refund_amount,
        sum(ar_delta_amount) as change_amount
    from {{ ref('rpt_ledger') }}
    where is_latest and basis = 'restated'
    group by hospital_key, post_month_start_date
),

balances as (
    select
        hospital_key,
        month_key,
        sum(balance_amount) as ar_amount
    from {{ ref('fct_ar_balances_monthly') }}
    where basis = 'restated'
    group by hospital_key, month_key
)

select
    months.hospital_name,
    months.month_key,
    months.as_of_date,
    months.is_complete,
    coalesce(postings.charge_amount, 0) as charge_amount,
    coalesce(postings.insurance_payment_amount, 0) as insurance_payment_amount,
    coalesce(postings.patient_payment_amount, 0) as patient_payment_amount,
    coalesce(postings.unknown_payment_amount, 0) as unknown_payment_amount,
    coalesce(postings.refund_amount, 0) as refund_amount,
    coalesce(postings.change_amount, 0) as change_amount,
    coalesce(balances.ar_amount, 0) as ar_amount
from {{ ref('dim_ledger_month') }} as months
left join postings
    on months.hospital_key = postings.hospital_key and months.month_start_date = postings.post_month_start_date
left join balances on months.hospital_key = balances.hospital_key and months.month_key = balances.month_key
order by months.hospital_name, months.month_key
