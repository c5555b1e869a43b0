-- Question: Who pays for our services?
-- Reading: Charges posted in each of the twelve months up to the chosen month, by payer group. The share is of the
-- month's charges of the groups shown.
-- Contracts: payer_mix
select
    mix.month_start_date,
    mix.payer_group,
    sum(mix.charge_amount) as charge_amount,
    cast(sum(mix.charge_amount) as double) * 100
    / nullif(sum(sum(mix.charge_amount)) over (partition by mix.month_start_date), 0) as charge_share_pct
from gold.kpi_payer_mix as mix
inner join gold.kpi_windows as months
    on
        mix.hospital_key = months.hospital_key
        and mix.month_key between months.first_month_key and months.last_month_key
        and months.kpi_window = 'trailing_12_months'
where
    months.month_key = :month
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', mix.payer_group)
group by mix.month_start_date, mix.payer_group
order by mix.month_start_date, mix.payer_group
