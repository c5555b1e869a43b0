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
where aging.as_of_date = (select max(months.as_of_date) from {{ ref('dim_month') }} as months)
order by hospitals.hospital_name, aging.debit_amount desc
