-- Accounts receivable at each month end on each basis, to hold them side by side; a month that is not closed has no
-- signed balance.
with

balances as (
    select
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        basis,
        sum(balance_amount) as balance_amount,
        sum(debit_amount) as debit_amount,
        sum(credit_amount) as credit_amount
    from {{ ref('fct_ar_account_balances_monthly') }}
    group by hospital_key, payer_group, month_key, month_end_date, as_of_date, basis
),

final as (
    select
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        basis,
        cast(balance_amount as decimal(18, 2)) as balance_amount,
        cast(debit_amount as decimal(18, 2)) as debit_amount,
        cast(credit_amount as decimal(18, 2)) as credit_amount
    from balances

    union all

    select
        rollforward.hospital_key,
        rollforward.payer_group,
        rollforward.month_key,
        rollforward.month_end_date,
        months.as_of_date,
        'signed' as basis,
        rollforward.closing_amount as balance_amount,
        cast(null as decimal(18, 2)) as debit_amount,
        cast(null as decimal(18, 2)) as credit_amount
    from {{ ref('fct_ar_rollforward_monthly') }} as rollforward
    inner join {{ ref('dim_ledger_month') }} as months
        on rollforward.hospital_key = months.hospital_key and rollforward.month_key = months.month_key
    where rollforward.close_version is not null
)

select * from final
