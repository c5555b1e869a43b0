-- Open balances at each month end as restated: by all that is known now.
select
    ar_snapshot_key,
    hospital_key,
    account_key,
    payer_group,
    month_key,
    month_end_date,
    as_of_date,
    aged_from_date,
    age_days,
    aging_bucket,
    balance_amount,
    debit_amount,
    credit_amount
from {{ within_warehouse(ref('fct_ar_account_balances_monthly')) }}
where basis = 'restated'
