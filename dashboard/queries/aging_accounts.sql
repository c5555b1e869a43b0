-- Question: Which accounts are behind it?
-- Reading: The 200 accounts with the largest balances, debit or credit, in the chosen age and slice. An account is
-- named by its surrogate key alone; the hospital finds its own number by it in the identified layer, not here.
-- Uses: hospitals, as_of, ledger, known_balances, balances
with

sliced as (
    select distinct
        ledger.account_key,
        ledger.payer_group
    from ledger
    left join gold.dim_payer as payers on ledger.payer_key = payers.payer_key
    left join gold.dim_department as departments
        on ledger.department_key = departments.department_key and departments.is_current
    left join gold.dim_provider as providers
        on ledger.provider_key = providers.provider_key and providers.is_current
    where
        :slice_name <> 'all'
        and case
            when :slice = 'payer' then coalesce(payers.payer_name, 'Unknown')
            when :slice = 'department' then coalesce(departments.department_name, 'Unknown')
            when :slice = 'provider' then coalesce(providers.provider_name, 'Unknown')
            else ledger.payer_group
        end = :slice_name
)

select
    balances.account_key,
    as_of.hospital_name,
    balances.payer_group,
    balances.aging_bucket,
    balances.age_days,
    balances.aged_from_date,
    balances.debit_amount,
    balances.credit_amount
from balances
inner join as_of on balances.hospital_key = as_of.hospital_key
left join sliced
    on balances.account_key = sliced.account_key and balances.payer_group = sliced.payer_group
where
    (:slice_name = 'all' or sliced.account_key is not null)
    and (:bucket = 'all' or balances.aging_bucket = :bucket)
order by abs(balances.balance_amount) desc, balances.account_key
limit 200
