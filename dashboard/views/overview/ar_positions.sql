-- Question: What was owed on the chosen day, as known then, as restated now, as signed?
-- Reading: Debit balances less credit balances, USD. As known then counts what is posted up to the day and was known
-- by its end; as restated now counts all that is posted up to the day, whenever it became known; as signed is the
-- close in force, where the month is closed. The payer group, if one is chosen, counts; the basis does not.
-- Contracts: ar_balance
select
    months.hospital_name,
    months.as_of_date,
    months.is_complete,
    coalesce(sum(balances.balance_amount) filter (where balances.basis = 'known'), 0) as known_then_amount,
    coalesce(sum(balances.balance_amount) filter (where balances.basis = 'restated'), 0) as restated_now_amount,
    sum(balances.balance_amount) filter (where balances.basis = 'signed') as signed_amount
from gold.dim_ledger_month as months
left join gold.fct_ar_balances_monthly as balances
    on
        months.hospital_key = balances.hospital_key
        and months.month_key = balances.month_key
        and :payer_group in ('All payer groups', balances.payer_group)
where months.month_key = :month and :hospital in ('All hospitals', months.hospital_name)
group by months.hospital_name, months.as_of_date, months.is_complete
order by months.hospital_name
