with

claims as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'first_billed_date') }} as date) as claim_month_start_date,
        case when service_to_bill_days >= 0 then service_to_bill_days end as lag_days
    from {{ ref('fct_claims') }}
    where is_first_submission
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_key', 'payer_group', 'claim_month_start_date']) }}
            as claim_lag_key,
        hospital_key,
        payer_key,
        payer_group,
        {{ month_key('claim_month_start_date') }} as claim_month_key,
        claim_month_start_date,
        count(*) as billed_claims,
        count(lag_days) as dated_claims,
        cast(coalesce(sum(lag_days), 0) as bigint) as total_lag_days,
        {{ safe_divide('sum(lag_days)', 'count(lag_days)') }} as mean_lag_days,
        {{ percentile('lag_days', 0.5) }} as median_lag_days
    from claims
    group by hospital_key, payer_key, payer_group, claim_month_start_date
)

select * from final
