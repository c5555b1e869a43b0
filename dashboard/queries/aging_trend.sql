-- Question: Is A/R getting older?
-- Reading: Debit balances at each month end up to the chosen month, by age, as restated.
-- Contracts: ar_over_90_days
-- Uses: hospitals, as_of
select
    aging.month_end_date,
    sum(aging.debit_amount) as debit_amount,
    sum(case when aging.is_over_90_days then aging.debit_amount else 0 end) as over_90_days_amount,
    cast(sum(case when aging.is_over_90_days then aging.debit_amount else 0 end) as double) * 100
    / nullif(sum(aging.debit_amount), 0) as over_90_days_pct,
    sum(aging.credit_amount) as credit_amount
from gold.kpi_ar_aging as aging
inner join as_of on aging.hospital_key = as_of.hospital_key and aging.month_key <= as_of.month_key
where :payer_group = 'all' or aging.payer_group = :payer_group
group by aging.month_end_date
order by aging.month_end_date
