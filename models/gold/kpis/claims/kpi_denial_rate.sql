-- Claims the payer has not decided stand in neither part, and of a claim sent again only the last counts.
with

claims as (
    select
        claims.hospital_key,
        claims.payer_key,
        claims.payer_group,
        departments.department_key,
        claims.is_adjudicated,
        claims.is_denied,
        claims.claim_amount,
        cast({{ dbt.date_trunc('month', 'claims.first_billed_date') }} as date) as claim_month_start_date
    from {{ ref('fct_claims') }} as claims
    inner join {{ ref('dim_department') }} as departments
        on claims.department_version_key = departments.department_version_key
    where claims.is_last_submission
),

final as (
    select
        {{ generate_surrogate_key([
            'hospital_key', 'payer_key', 'payer_group', 'department_key', 'claim_month_start_date'
        ]) }} as denial_rate_key,
        hospital_key,
        payer_key,
        payer_group,
        department_key,
        {{ month_key('claim_month_start_date') }} as claim_month_key,
        claim_month_start_date,
        count(*) filter (where is_adjudicated) as adjudicated_claims,
        count(*) filter (where is_denied) as denied_claims,
        cast(coalesce(sum(claim_amount) filter (where is_adjudicated), 0) as decimal(18, 2)) as adjudicated_amount,
        cast(coalesce(sum(claim_amount) filter (where is_denied), 0) as decimal(18, 2)) as denied_amount,
        {{ safe_divide(
            'count(*) filter (where is_denied) * 100', 'count(*) filter (where is_adjudicated)'
        ) }} as denial_rate_pct,
        {{ safe_divide(
            'sum(claim_amount) filter (where is_denied) * 100', 'sum(claim_amount) filter (where is_adjudicated)'
        ) }} as denied_amount_pct
    from claims
    group by hospital_key, payer_key, payer_group, department_key, claim_month_start_date
)

select * from final
