-- Question: what did each provider charge and what was paid on it, and in which department?
-- Reading: from the ledger to date, corrections included. Payments are less refunds. What is neither charge nor
-- payment (adjustments) is in balance_amount, so that charges - payments + other = balance. "Unknown" is a provider or
-- department the hospital named and never sent; "Not applicable" is where it named none.
select
    hospital_name,
    department_name,
    provider_code,
    provider_name,
    count(distinct charge_transaction_key) as charge_lines,
    sum(charge_amount) as charge_amount,
    sum(payment_amount) as payment_amount,
    sum(ar_delta_amount) as balance_amount,
    {{ safe_divide('sum(payment_amount) * 100', 'sum(charge_amount)') }} as payment_pct
from {{ ref('rpt_ledger') }}
where is_latest and basis = 'restated'
group by hospital_name, department_key, department_name, provider_key, provider_code, provider_name
order by hospital_name asc, charge_amount desc, department_name asc, provider_code asc
