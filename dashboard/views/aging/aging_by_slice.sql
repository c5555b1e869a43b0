-- Question: With whom does the money wait, and since when?
-- Reading: The same balances, debits by age, spread over the payers, departments or providers of each account's
-- postings: an account with a debit balance counts in debits with all its parts, so that the parts add up to the
-- account. A negative part is a department or payer that was paid for another. Share over 90 days is of the slice's
-- own debits.
-- Contracts: ar_over_90_days, credit_balances
with

named as (
    select
        case
            when :slice = 'payer' then payer_name
            when :slice = 'department' then department_name
            when :slice = 'provider' then provider_name
            else payer_group
        end as slice_name,
        account_key,
        aging_bucket,
        is_over_90_days,
        debit_amount,
        credit_amount
    from gold.rpt_ar_parts
    where
        month_key = :month
        and basis = :basis
        and :hospital in ('All hospitals', hospital_name)
        and :payer_group in ('All payer groups', payer_group)
)

select
    slice_name,
    aging_bucket,
    count(distinct account_key) as accounts,
    sum(debit_amount) as debit_amount,
    cast(coalesce(sum(debit_amount) filter (where is_over_90_days), 0) as double) * 100 / nullif(sum(debit_amount), 0)
        as over_90_days_pct,
    sum(credit_amount) as credit_amount,
    grouping(aging_bucket) = 1 as is_total
from named
group by grouping sets ((slice_name), (slice_name, aging_bucket))
order by is_total desc, debit_amount desc, slice_name
