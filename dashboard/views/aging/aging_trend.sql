-- Question: Is A/R getting older?
-- Reading: Debit balances at each month end up to the chosen month, by age, as restated.
-- Contracts: ar_over_90_days
select
    aging.month_end_date,
    sum(aging.debit_amount) as debit_amount,
    coalesce(sum(aging.debit_amount) filter (where aging.is_over_90_days), 0) as over_90_days_amount,
    cast(coalesce(sum(aging.debit_amount) filter (where aging.is_over_90_days), 0) as double) * 100
    / nullif(sum(aging.debit_amount), 0) as over_90_days_pct,
    sum(aging.credit_amount) as credit_amount
from gold.kpi_ar_aging as aging
inner join gold.dim_ledger_month as months
    on aging.hospital_key = months.hospital_key and aging.month_key <= months.month_key
where
    months.month_key = :month
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', aging.payer_group)
group by aging.month_end_date
order by aging.month_end_date
