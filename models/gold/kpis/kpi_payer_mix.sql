with

charges as (
    select
        hospital_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        sum(ar_delta_amount) as charge_amount
    from {{ ref('fct_ar_events') }}
    where money_type = 'CHARGE'
    group by 1, 2, 3
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_start_date']) }} as payer_mix_key,
        hospital_key,
        payer_group,
        year(month_start_date) * 100 + month(month_start_date) as month_key,
        month_start_date,
        cast(charge_amount as decimal(18, 2)) as charge_amount,
        cast(sum(charge_amount) over (partition by hospital_key, month_start_date) as decimal(18, 2)) as gpsr_amount,
        {{ safe_divide('charge_amount * 100', 'sum(charge_amount) over (partition by hospital_key, month_start_date)') }} as charge_share_pct
    from charges
)

select * from final
