-- Question: Who pays for our services?
-- Reading: Charges posted in each of the twelve months up to the chosen month, by payer group. The share is of the
-- month's charges of the groups shown.
-- Contracts: payer_mix
-- Uses: hospitals, as_of
select
    mix.month_start_date,
    mix.payer_group,
    sum(mix.charge_amount) as charge_amount,
    cast(sum(mix.charge_amount) as double) * 100
    / nullif(sum(sum(mix.charge_amount)) over (partition by mix.month_start_date), 0) as charge_share_pct
from gold.kpi_payer_mix as mix
inner join as_of on mix.hospital_key = as_of.hospital_key
where
    mix.month_start_date >= as_of.twelve_months_start_date
    and mix.month_key <= as_of.month_key
    and (:payer_group = 'all' or mix.payer_group = :payer_group)
group by mix.month_start_date, mix.payer_group
order by mix.month_start_date, mix.payer_group
