-- Invariant 3. A difference means that the ledger bills an account other than what its charge lines say it owes.
with

ledger as (
    select
        transaction_key,
        sum(ar_delta_amount) as balance_amount
    from {{ ref('fct_ar_events') }}
    group by transaction_key
),

lines as (
    select
        transaction_key,
        balance_amount
    from {{ ref('fct_transactions') }}
)

select
    ledger.transaction_key as ledger_transaction_key,
    lines.transaction_key as line_transaction_key,
    ledger.balance_amount as ledger_amount,
    lines.balance_amount as line_amount
from ledger
full outer join lines on ledger.transaction_key = lines.transaction_key
where coalesce(ledger.balance_amount, 0) <> coalesce(lines.balance_amount, 0)
