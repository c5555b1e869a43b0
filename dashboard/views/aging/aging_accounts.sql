-- Question: Which accounts are behind it?
-- Reading: The 200 accounts with the largest balances, debit or credit, in the chosen age and slice. An account is
-- named only by its surrogate key; the hospital finds its own number by it in the identified layer, not here.
with

sliced as (
    select distinct
        account_key,
        payer_group
    from gold.rpt_ar_parts
    where
        :slice_name <> 'all'
        and month_key = :month
        and basis = :basis
        and case
            when :slice = 'payer' then payer_name
            when :slice = 'department' then department_name
            when :slice = 'provider' then provider_name
            else payer_group
        end = :slice_name
)

select
    balances.account_key,
    months.hospital_name,
    balances.payer_group,
    balances.aging_bucket,
    balances.age_days,
    balances.aged_from_date,
    balances.debit_amount,
    balances.credit_amount
from gold.fct_ar_account_balances_monthly as balances
inner join gold.dim_ledger_month as months
    on balances.hospital_key = months.hospital_key and balances.month_key = months.month_key
left join sliced
    on balances.account_key = sliced.account_key and balances.payer_group = sliced.payer_group
where
    months.month_key = :month
    and balances.basis = :basis
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', balances.payer_group)
    and (:slice_name = 'all' or sliced.account_key is not null)
    and :bucket in ('all', balances.aging_bucket)
order by abs(balances.balance_amount) desc, balances.account_key, balances.payer_group
limit 200
