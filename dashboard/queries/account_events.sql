-- Question: How did this account come to its balance?
-- Reading: Its postings in the ledger up to the chosen day; the last balance is what the account owes, over all payer
-- groups.
-- Uses: hospitals, as_of, ledger
select
    ledger.post_date,
    ledger.event_type,
    ledger.payer_group,
    departments.department_name,
    ledger.service_date,
    ledger.is_correction,
    ledger.known_at,
    ledger.transaction_key,
    ledger.ar_delta_amount,
    sum(ledger.ar_delta_amount) over (
        order by ledger.post_date, ledger.known_at, ledger.ar_event_key
        rows between unbounded preceding and current row
    ) as balance_amount
from ledger
left join gold.dim_department as departments
    on ledger.department_key = departments.department_key and departments.is_current
where ledger.account_key = :account
order by ledger.post_date, ledger.known_at, ledger.ar_event_key
