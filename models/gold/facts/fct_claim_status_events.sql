with

claims as (
    select
        claim_key,
        hospital_key,
        payer_key,
        payer_group
    from {{ ref('fct_claims') }}
),

final as (
    select
        {{ generate_surrogate_key(['changes.claim_key', 'changes.sequence_number']) }} as claim_status_event_key,
        changes.claim_key,
        claims.hospital_key,
        claims.payer_key,
        claims.payer_group,
        dim_claim_status.claim_status_key,
        {{ date_key('changes.status_date') }} as status_date_key,
        changes.sequence_number,
        changes.claim_status,
        changes.previous_claim_status,
        changes.status_date,
        cast(
            {{ dbt.datediff('changes.previous_status_date', 'changes.status_date', 'day') }} as bigint
        ) as days_since_previous,
        changes.is_first_adjudication,
        changes._ingested_at,
        changes._batch_id
    from {{ ref('int_claim_status_changes') }} as changes
    -- Claims the source no longer has are in no fact.
    inner join claims on changes.claim_key = claims.claim_key
    inner join {{ ref('dim_claim_status') }} as dim_claim_status
        on changes.claim_status = dim_claim_status.claim_status
)

select * from final
