-- Where the money waits: open balances of the last month by hospital, payer group and age.
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
order by hospitals.hospital_name asc, aging.debit_amount desc
