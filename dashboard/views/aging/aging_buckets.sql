-- Question: How old is what is owed, and what do we owe?
-- Reading: Open balances by account and payer group at the chosen day. Debits are owed to the hospital, credits it
-- owes; they are never netted, because a credit would hide the debt of another account. Age runs from the account's
-- last service date; day 90 belongs to 61-90.
-- Contracts: ar_over_90_days, credit_balances, ar_balance
with

grouped as (
    select
        balances.aging_bucket,
        balances.payer_group,
        count(*) as accounts,
        sum(balances.debit_amount) as debit_amount,
        sum(balances.credit_amount) as credit_amount
    from gold.fct_ar_account_balances_monthly as balances
    inner join gold.dim_ledger_month as months
        on balances.hospital_key = months.hospital_key and balances.month_key = months.month_key
    where
        months.month_key = :month
        and balances.basis = :basis
        and :hospital in ('All hospitals', months.hospital_name)
        and :payer_group in ('All payer groups', balances.payer_group)
    group by balances.aging_bucket, balances.payer_group
)

select
    grouped.aging_bucket,
    grouped.payer_group,
    grouped.accounts,
    grouped.debit_amount,
    grouped.credit_amount,
    cast(grouped.debit_amount as double) * 100 / nullif(sum(grouped.debit_amount) over (), 0) as debit_share_pct
from grouped
inner join gold.dim_aging_bucket as buckets on grouped.aging_bucket = buckets.aging_bucket
order by buckets.sort_order, grouped.payer_group
