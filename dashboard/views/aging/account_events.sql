-- Question: How did this account come to its balance?
-- Reading: Its postings in the ledger up to the chosen day; the last balance is what the account owes, over all payer
-- groups.
select
    post_date,
    event_type,
    payer_group,
    department_name,
    service_date,
    is_correction,
    known_at,
    transaction_key,
    ar_delta_amount,
    sum(ar_delta_amount) over (
        order by post_date, known_at, ar_event_key rows between unbounded preceding and current row
    ) as balance_amount
from gold.rpt_ledger
where
    month_key = :month
    and basis = :basis
    and account_key = :account
    and :hospital in ('All hospitals', hospital_name)
order by post_date, known_at, ar_event_key
