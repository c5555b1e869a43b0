-- The only join of claims to charge lines: a line has none or several, and each would repeat its charge.
with

claims as (
    select
        {{ generate_surrogate_key(['claims.source_system', 'claims.transaction_id']) }} as transaction_key,
        claims.source_system,
        claims.claim_status,
        coalesce(changes.first_billed_date, claims.claim_date) as first_billed_date,
        coalesce(claims.claim_amount, 0) as claim_amount,
        coalesce(claims.paid_amount, 0) as paid_amount
    from {{ ref('cdm_claims') }} as claims
    left join {{ ref('int_claim_status_changes') }} as changes
        on claims.claim_key = changes.claim_key and changes.sequence_number = 1
    where claims.transaction_id is not null
),

final as (
    select
        transaction_key,
        source_system,
        cast(count(*) as bigint) as claim_count,
        cast(sum(claim_amount) as decimal(18, 2)) as claim_amount,
        cast(sum(paid_amount) as decimal(18, 2)) as reported_paid_amount,
        -- A void claim bills nothing.
        min(case when claim_status <> 'VOID' then first_billed_date end) as first_claim_date
    from claims
    group by transaction_key, source_system
)

select * from final
