-- An account's balance spread over the payers, departments and providers of its postings: an account with a debit
-- balance counts in debits with all its parts, so that the parts add up to the account. A negative part is a department
-- or payer that was paid for another.
with

parts as (
    select
        hospital_key,
        hospital_name,
        month_key,
        is_latest,
        basis,
        account_key,
        payer_group,
        payer_key,
        payer_name,
        department_key,
        department_name,
        provider_key,
        provider_name,
        sum(ar_delta_amount) as part_amount
    from {{ within_warehouse(ref('rpt_ledger')) }}
    group by
        hospital_key, hospital_name, month_key, is_latest, basis, account_key, payer_group, payer_key, payer_name,
        department_key, department_name, provider_key, provider_name
),

final as (
    select
        parts.hospital_key,
        parts.hospital_name,
        parts.month_key,
        parts.is_latest,
        parts.basis,
        parts.account_key,
        parts.payer_group,
        parts.payer_key,
        parts.payer_name,
        parts.department_key,
        parts.department_name,
        parts.provider_key,
        parts.provider_name,
        balances.aging_bucket,
        balances.is_over_90_days,
        cast(case when balances.balance_amount > 0 then parts.part_amount else 0 end as decimal(18, 2))
            as debit_amount,
        cast(case when balances.balance_amount < 0 then 0 - parts.part_amount else 0 end as decimal(18, 2))
            as credit_amount
    from parts
    inner join {{ within_warehouse(ref('fct_ar_account_balances_monthly')) }} as balances
        on
            parts.hospital_key = balances.hospital_key
            and parts.month_key = balances.month_key
            and parts.basis = balances.basis
            and parts.account_key = balances.account_key
            and parts.payer_group = balances.payer_group
)

select * from final
