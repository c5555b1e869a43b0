-- By the first decision each claim's history knows: a denial since overturned still counts, a claim sent again under a
-- new number does not.
with

claims as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'first_adjudicated_date') }} as date) as decision_month_start_date,
        first_adjudication_status = 'DENIED' as is_denied_first
    from {{ ref('fct_claims') }}
    where is_first_submission and first_adjudicated_date is not null
),

final as (
    select
        {{ generate_surrogate_key([
            'hospital_key', 'payer_key', 'payer_group', 'decision_month_start_date'
        ]) }} as initial_denials_key,
        hospital_key,
        payer_key,
        payer_group,
        {{ month_key('decision_month_start_date') }} as decision_month_key,
        decision_month_start_date,
        count(*) as decided_claims,
        count(*) filter (where is_denied_first) as initially_denied_claims,
        count(*) filter (where is_resolved_first_pass) as first_pass_claims,
        count(*) filter (where is_denied_first and is_denial_overturned) as overturned_claims,
        cast(sum(claim_amount) as decimal(18, 2)) as decided_amount,
        cast(
            coalesce(sum(claim_amount) filter (where is_denied_first), 0) as decimal(18, 2)
        ) as initially_denied_amount,
        {{ safe_divide('count(*) filter (where is_denied_first) * 100', 'count(*)') }} as initial_denial_pct,
        {{ safe_divide('count(*) filter (where is_resolved_first_pass) * 100', 'count(*)') }} as first_pass_pct
    from claims
    group by hospital_key, payer_key, payer_group, decision_month_start_date
)

select * from final
