-- Claims the payer has not decided stand in neither part.
with

claims as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'claim_date') }} as date) as claim_month_start_date
    from {{ ref('fct_claims') }}
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_key', 'claim_month_start_date']) }} as denial_rate_key,
        hospital_key,
        payer_key,
        payer_group,
        {{ month_key('claim_month_start_date') }} as claim_month_key,
        claim_month_start_date,
        count(*) filter (where is_adjudicated) as adjudicated_claims,
        count(*) filter (where is_denied) as denied_claims,
        cast(coalesce(sum(claim_amount) filter (where is_adjudicated), 0) as decimal(18, 2)) as adjudicated_amount,
        cast(coalesce(sum(claim_amount) filter (where is_denied), 0) as decimal(18, 2)) as denied_amount,
        {{ safe_divide(
            'count(*) filter (where is_denied) * 100', 'count(*) filter (where is_adjudicated)'
        ) }} as denial_rate_pct
    from claims
    group by hospital_key, payer_key, payer_group, claim_month_start_date
)

select * from final
