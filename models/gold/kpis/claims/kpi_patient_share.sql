with

claims as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'first_billed_date') }} as date) as claim_month_start_date,
        deductible_amount + coinsurance_amount + copay_amount as patient_amount
    from {{ ref('fct_claims') }}
    where is_last_submission and allowed_amount is not null
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_key', 'payer_group', 'claim_month_start_date']) }}
            as patient_share_key,
        hospital_key,
        payer_key,
        payer_group,
        {{ month_key('claim_month_start_date') }} as claim_month_key,
        claim_month_start_date,
        count(*) as allowed_claims,
        cast(sum(patient_amount) as decimal(18, 2)) as patient_amount,
        cast(sum(allowed_amount) as decimal(18, 2)) as allowed_amount,
        {{ safe_divide('sum(patient_amount) * 100', 'sum(allowed_amount)') }} as patient_share_pct
    from claims
    group by hospital_key, payer_key, payer_group, claim_month_start_date
)

select * from final
