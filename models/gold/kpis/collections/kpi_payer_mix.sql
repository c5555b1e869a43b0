-- Every payer group of a hospital stands in each of its months, so that sums of numerator and denominator agree.
with

charges as (
    select
        hospital_key,
        payer_group,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        sum(ar_delta_amount) as charge_amount
    from {{ ref('fct_ar_events') }}
    where money_type in {{ event_types(class='charge') }}
    group by hospital_key, payer_group, {{ dbt.date_trunc('month', 'post_date') }}
),

hospital_months as (
    select
        hospital_key,
        month_start_date,
        sum(charge_amount) as gpsr_amount
    from charges
    group by hospital_key, month_start_date
),

payer_groups as (
    select distinct
        hospital_key,
        payer_group
    from charges
),

final as (
    select
        {{ generate_surrogate_key([
            'hospital_months.hospital_key', 'payer_groups.payer_group', 'hospital_months.month_start_date'
        ]) }} as payer_mix_key,
        hospital_months.hospital_key,
        payer_groups.payer_group,
        {{ month_key('hospital_months.month_start_date') }} as month_key,
        hospital_months.month_start_date,
        cast(coalesce(charges.charge_amount, 0) as decimal(18, 2)) as charge_amount,
        cast(hospital_months.gpsr_amount as decimal(18, 2)) as gpsr_amount,
        {{ safe_divide('coalesce(charges.charge_amount, 0) * 100', 'hospital_months.gpsr_amount') }} as charge_share_pct
    from hospital_months
    inner join payer_groups on hospital_months.hospital_key = payer_groups.hospital_key
    left join charges
        on
            hospital_months.hospital_key = charges.hospital_key
            and hospital_months.month_start_date = charges.month_start_date
            and payer_groups.payer_group = charges.payer_group
)

select * from final
