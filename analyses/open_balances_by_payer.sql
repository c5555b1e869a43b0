-- Question: where does the money wait: with which payer group, and since when?
-- Reading: open balances of the last month by hospital, payer group and age, at its end or at the last posted day.
-- Debits are owed to the hospital, credits it owes; they are never netted, because a credit would hide the debt of
-- another account.
select
    months.hospital_name,
    aging.payer_group,
    aging.aging_bucket,
    aging.account_count,
    aging.debit_amount,
    aging.credit_amount
from {{ ref('kpi_ar_aging') }} as aging
inner join {{ ref('dim_ledger_month') }} as months
    on aging.hospital_key = months.hospital_key and aging.month_key = months.month_key
where months.is_latest
order by months.hospital_name asc, aging.debit_amount desc, aging.payer_group asc, aging.aging_bucket asc
