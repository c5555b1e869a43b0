-- Question: With whom does the money wait, and since when?
-- Reading: The same balances, debits by age, spread over the payers, departments or providers of each account's
-- postings: an account with a debit balance counts in debits with all its parts, so that the parts add up to the
-- account. A negative part is a department or payer that was paid for another. Share over 90 days is of the slice's
-- own debits.
-- Contracts: ar_over_90_days, credit_balances
-- Uses: hospitals, as_of, ledger, known_balances, balances
with

parts as (
    select
        hospital_key,
        account_key,
        payer_group,
        payer_key,
        department_key,
        provider_key,
        sum(ar_delta_amount) as part_amount
    from ledger
    group by hospital_key, account_key, payer_group, payer_key, department_key, provider_key
),

named as (
    select
        case
            when :slice = 'payer' then coalesce(payers.payer_name, 'Unknown')
            when :slice = 'department' then coalesce(departments.department_name, 'Unknown')
            when :slice = 'provider' then coalesce(providers.provider_name, 'Unknown')
            else parts.payer_group
        end as slice_name,
        balances.account_key,
        balances.aging_bucket,
        balances.is_over_90_days,
        case when balances.balance_amount > 0 then parts.part_amount else 0 end as debit_amount,
        case when balances.balance_amount < 0 then -parts.part_amount else 0 end as credit_amount
    from parts
    inner join balances
        on
            parts.hospital_key = balances.hospital_key
            and parts.account_key = balances.account_key
            and parts.payer_group = balances.payer_group
    left join gold.dim_payer as payers on parts.payer_key = payers.payer_key
    left join gold.dim_department as departments
        on parts.department_key = departments.department_key and departments.is_current
    left join gold.dim_provider as providers
        on parts.provider_key = providers.provider_key and providers.is_current
)

select
    slice_name,
    count(distinct account_key) as accounts,
    sum(debit_amount) as debit_amount,
    sum(case when aging_bucket = '0-30' then debit_amount else 0 end) as days_0_30_amount,
    sum(case when aging_bucket = '31-60' then debit_amount else 0 end) as days_31_60_amount,
    sum(case when aging_bucket = '61-90' then debit_amount else 0 end) as days_61_90_amount,
    sum(case when aging_bucket = '91-120' then debit_amount else 0 end) as days_91_120_amount,
    sum(case when aging_bucket = '121-180' then debit_amount else 0 end) as days_121_180_amount,
    sum(case when aging_bucket = '>180' then debit_amount else 0 end) as days_over_180_amount,
    cast(sum(case when is_over_90_days then debit_amount else 0 end) as double) * 100
    / nullif(sum(debit_amount), 0) as over_90_days_pct,
    sum(credit_amount) as credit_amount
from named
group by slice_name
order by debit_amount desc, slice_name
