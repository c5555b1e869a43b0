-- Invariant 6. A difference is revenue without a payer group.
with

mix as (
    select
        hospital_key,
        month_key,
        sum(charge_amount) as charge_amount,
        max(gpsr_amount) as gpsr_amount
    from {{ ref('kpi_payer_mix') }}
    group by hospital_key, month_key
),

ledger as (
    select
        hospital_key,
        year(post_date) * 100 + month(post_date) as month_key,
        sum(ar_delta_amount) as gpsr_amount
    from {{ ref('fct_ar_events') }}
    where money_type = 'CHARGE'
    group by hospital_key, year(post_date) * 100 + month(post_date)
)

select
    ledger.hospital_key,
    ledger.month_key,
    ledger.gpsr_amount,
    mix.charge_amount
from ledger
left join mix on ledger.hospital_key = mix.hospital_key and ledger.month_key = mix.month_key
where
    ledger.gpsr_amount <> coalesce(mix.charge_amount, 0)
    or ledger.gpsr_amount <> coalesce(mix.gpsr_amount, 0)
