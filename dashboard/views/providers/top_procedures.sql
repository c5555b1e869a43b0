-- Question: Which procedures bring the most charges, and how much of them is paid?
-- Reading: Current charge lines with a service up to the chosen day. Cumulative says how much of all charges the
-- procedures down to this one make. A high rank with a low share paid is where a review of prices, coding or contracts
-- pays. Codes may be licensed; the demonstration's are invented.
with

procedures as (
    select
        procedures.procedure_code,
        procedures.procedure_category,
        count(*) as charge_lines,
        sum(transactions.charge_amount) as charge_amount,
        sum(transactions.paid_amount) as paid_amount,
        sum(transactions.balance_amount) as outstanding_amount
    from gold.fct_transactions as transactions
    inner join gold.dim_ledger_month as months
        on transactions.hospital_key = months.hospital_key and transactions.service_date <= months.as_of_date
    inner join gold.dim_procedure as procedures on transactions.procedure_key = procedures.procedure_key
    where
        months.month_key = :month
        and :hospital in ('All hospitals', months.hospital_name)
        and :payer_group in ('All payer groups', transactions.payer_group)
    group by procedures.procedure_code, procedures.procedure_category
)

select
    procedure_code,
    procedure_category,
    charge_lines,
    charge_amount,
    paid_amount,
    outstanding_amount,
    cast(paid_amount as double) * 100 / nullif(charge_amount, 0) as paid_pct,
    cast(sum(charge_amount) over (
        order by charge_amount desc, procedure_code rows between unbounded preceding and current row
    ) as double) * 100 / nullif(sum(charge_amount) over (), 0) as cumulative_pct
from procedures
order by charge_amount desc, procedure_code
