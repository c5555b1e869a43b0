-- Question: what was charged and paid in each month, and what was open at its end?
-- Reading: by post date, the date from which an event counts in the ledger. A correction stands in the month in which
-- it became known, in the bucket of what it corrects. Months without postings are shown. Payments are less refunds;
-- charges - payments + other = change of A/R, and ar_amount adds these up. An incomplete month ends at as_of_date. A
-- month that was closed is signed with what gold.fct_month_close holds.
with

postings as (
    select
        hospital_key,
        {{ month_key('post_date') }} as month_key,
        sum(case when money_type = 'CHARGE' then ar_delta_amount else 0 end) as charge_amount,
        0 - sum(case when money_type = 'PAYMENT_INSURANCE' then ar_delta_amount else 0 end) as insurance_payment_amount,
        0 - sum(case when money_type = 'PAYMENT_PATIENT' then ar_delta_amount else 0 end) as patient_payment_amount,
        sum(case when money_type = 'REFUND' then ar_delta_amount else 0 end) as refund_amount,
        sum(ar_delta_amount) as change_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, {{ month_key('post_date') }}
),

final as (
    select
        hospitals.hospital_name,
        months.month_key,
        months.as_of_date,
        months.is_complete,
        coalesce(postings.charge_amount, 0) as charge_amount,
        coalesce(postings.insurance_payment_amount, 0) as insurance_payment_amount,
        coalesce(postings.patient_payment_amount, 0) as patient_payment_amount,
        coalesce(postings.refund_amount, 0) as refund_amount,
        coalesce(postings.change_amount, 0) as change_amount,
        coalesce(sum(postings.change_amount) over (
            partition by months.hospital_key order by months.month_key
            rows between unbounded preceding and current row
        ), 0) as ar_amount
    from {{ ref('dim_ledger_month') }} as months
    inner join {{ ref('dim_hospital') }} as hospitals on months.hospital_key = hospitals.hospital_key
    left join postings on months.hospital_key = postings.hospital_key and months.month_key = postings.month_key
)

select * from final
order by hospital_name asc, month_key asc
