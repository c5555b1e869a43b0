-- Reading: Open balances at the chosen day, as restated from gold's month ends, as known from the ledger.
select
    hospital_key,
    account_key,
    payer_group,
    aged_from_date,
    age_days,
    case
        when age_days <= 30 then '0-30'
        when age_days <= 60 then '31-60'
        when age_days <= 90 then '61-90'
        when age_days <= 120 then '91-120'
        when age_days <= 180 then '121-180'
        else '>180'
    end as aging_bucket,
    age_days > 90 as is_over_90_days,
    balance_amount,
    greatest(balance_amount, 0) as debit_amount,
    greatest(-balance_amount, 0) as credit_amount
from (
    select
        snapshots.hospital_key,
        snapshots.account_key,
        snapshots.payer_group,
        snapshots.aged_from_date,
        snapshots.age_days,
        snapshots.balance_amount
    from gold.fct_ar_snapshot_monthly as snapshots
    inner join as_of on snapshots.hospital_key = as_of.hospital_key and snapshots.month_key = as_of.month_key
    where :basis = 'restated'

    union all

    select
        hospital_key,
        account_key,
        payer_group,
        aged_from_date,
        extract(day from (cast(as_of_date as timestamp) - cast(aged_from_date as timestamp))) as age_days,
        balance_amount
    from known_balances
) as open_balances
where :payer_group = 'all' or payer_group = :payer_group
