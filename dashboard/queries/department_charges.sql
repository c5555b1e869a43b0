-- Question: What does each department charge, and what of it is paid and outstanding?
-- Reading: Postings of the ledger up to the chosen day, corrections included, as known or as restated. Paid is less
-- refunds; outstanding is the balance, so that charges less paid plus adjustments are outstanding.
-- Uses: hospitals, as_of, ledger
with

postings as (
    select
        hospital_key,
        hospital_name,
        department_key,
        count(distinct case when money_type = 'CHARGE' then transaction_key end) as charge_lines,
        sum(case when money_type = 'CHARGE' then ar_delta_amount else 0 end) as charge_amount,
        -sum(
            case when money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND') then ar_delta_amount else 0 end
        ) as paid_amount,
        sum(ar_delta_amount) as outstanding_amount
    from ledger
    where :payer_group = 'all' or payer_group = :payer_group
    group by hospital_key, hospital_name, department_key
)

select
    coalesce(departments.department_name, 'Unknown') as department_name,
    postings.hospital_name,
    sum(postings.charge_lines) as charge_lines,
    sum(postings.charge_amount) as charge_amount,
    sum(postings.paid_amount) as paid_amount,
    sum(postings.outstanding_amount - postings.charge_amount + postings.paid_amount) as adjustment_amount,
    sum(postings.outstanding_amount) as outstanding_amount,
    cast(sum(postings.paid_amount) as double) * 100 / nullif(sum(postings.charge_amount), 0) as paid_pct
from postings
left join gold.dim_department as departments
    on postings.department_key = departments.department_key and departments.is_current
group by coalesce(departments.department_name, 'Unknown'), postings.hospital_name
order by charge_amount desc, department_name, postings.hospital_name
