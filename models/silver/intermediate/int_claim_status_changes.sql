-- Every valid version counts, also one that arrived late and never became current: it still tells when the payer
-- decided. Order and dates are the source's, so that the order in which files arrive changes nothing.
{{ config(materialized='table') }}

with

versions as (
    select
        claim_key,
        source_system,
        claim_status,
        claim_date,
        _arrival,
        _batch_id,
        _ingested_at,
        -- A row without a date is as new as its arrival, as in the claim's history.
        coalesce(
            modified_at,
            max(modified_at) over (
                partition by claim_key order by _arrival rows between unbounded preceding and 1 preceding
            )
        ) as modified_at
    from {{ ref('stg_claims') }}
    where row_status = 'valid' and claim_status is not null
),

in_order as (
    select
        *,
        min(claim_date) over (partition by claim_key) as first_billed_date,
        lag(claim_status) over (partition by claim_key order by modified_at nulls first, _arrival) as status_before
    from versions
),

changes as (
    select
        in_order.*,
        statuses.is_adjudicated,
        statuses.is_denied,
        statuses.is_paid,
        statuses.is_open,
        -- No source knows what will have changed after its load: a later date is a wrong clock.
        cast(
            least(coalesce(in_order.modified_at, in_order._ingested_at), in_order._ingested_at) as date
        ) as status_date,
        row_number() over (
            partition by in_order.claim_key order by in_order.modified_at nulls first, in_order._arrival
        ) as sequence_number
    from in_order
    inner join {{ ref('claim_statuses') }} as statuses on in_order.claim_status = statuses.claim_status
    where in_order.status_before is null or in_order.status_before <> in_order.claim_status
),

final as (
    select
        claim_key,
        source_system,
        claim_status,
        status_before as previous_claim_status,
        status_date,
        first_billed_date,
        is_adjudicated,
        is_denied,
        is_paid,
        _ingested_at,
        _batch_id,
        cast(sequence_number as bigint) as sequence_number,
        lag(status_date) over (partition by claim_key order by sequence_number) as previous_status_date,
        is_adjudicated and count(case when is_adjudicated then 1 end) over (
            partition by claim_key order by sequence_number rows between unbounded preceding and current row
        ) = 1 as is_first_adjudication,
        not is_open
        and coalesce(lag(is_open) over (partition by claim_key order by sequence_number), true) as is_closing
    from changes
)

select * from final
