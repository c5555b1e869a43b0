-- Question: where does the money wait: with which payer group, and since when?
-- Reading: open balances of the last month by hospital, payer group and age, at its end or at the last posted day.
-- Debits are owed to the hospital, credits it owes; they are never netted, because a credit would hide the debt of
-- another account.
with

final as (
    select
        hospitals.hospital_name,
        aging.payer_group,
        aging.aging_bucket,
        aging.account_count,
        aging.debit_amount,
        aging.credit_amount
    from {{ ref('kpi_ar_aging') }} as aging
    inner join {{ ref('dim_hospital') }} as hospitals on aging.hospital_key = hospitals.hospital_key
    inner join {{ ref('dim_ledger_month') }} as months
        on aging.hospital_key = months.hospital_key and aging.month_key = months.month_key
    where months.is_latest
)

select * from final
order by hospital_name asc, debit_amount desc, payer_group asc, aging_bucket asc
