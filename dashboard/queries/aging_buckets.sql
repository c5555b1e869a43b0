-- Question: How old is what is owed, and what do we owe?
-- Reading: Open balances by account and payer group at the chosen day. Debits are owed to the hospital, credits it
-- owes; they are never netted, because a credit would hide the debt of another account. Age runs from the account's
-- last service date; day 90 belongs to 61-90.
-- Contracts: ar_over_90_days, credit_balances, ar_balance
-- Uses: hospitals, as_of, ledger, known_balances, balances
with

grouped as (
    select
        aging_bucket,
        payer_group,
        min(age_days) as least_age_days,
        count(*) as accounts,
        sum(debit_amount) as debit_amount,
        sum(credit_amount) as credit_amount
    from balances
    group by aging_bucket, payer_group
)

select
    aging_bucket,
    payer_group,
    accounts,
    debit_amount,
    credit_amount,
    cast(debit_amount as double) * 100 / nullif(sum(debit_amount) over (), 0) as debit_share_pct
from grouped
order by least_age_days, payer_group
