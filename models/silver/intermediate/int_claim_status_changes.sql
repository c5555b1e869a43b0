-- Every valid version counts, also a late-arriving one that never became current: it still dates the payer's decision.
-- Order and dates are the source's, so the order in which files arrive does not matter. Only claims with new rows are
-- processed, as an upsert by claim and number: another version never reduces the number of a claim's changes, so no row
-- is left behind.
{{ config(
    materialized='incremental', incremental_strategy='merge', unique_key=['claim_key', 'sequence_number']
) }}

{%- set seen = batches_posted(this) %}

with

{% if seen -%}
changed_claims as (
    select distinct claim_key
    from {{ ref('stg_claims') }}
    where {{ is_after_batches(seen) }} and {{ is_released() }}
),

{% endif -%}
versions as (
    select
        claims.claim_key,
        claims.source_system,
        claims.claim_status,
        claims.claim_date,
        claims.modified_at,
        statuses.is_adjudicated,
        statuses.is_denied,
        statuses.is_paid,
        statuses.is_open,
        claims._arrival,
        claims._source_table,
        claims._batch_id,
        claims._ingested_at
    from {{ ref('stg_claims') }} as claims
    inner join {{ ref('claim_statuses') }} as statuses on claims.claim_status = statuses.claim_status
    where
        claims.row_status = 'valid'
        and {{ is_released('claims') }}
        and {{ 'claims.claim_key in (select changed_claims.claim_key from changed_claims)' if seen else 'true' }}
),

-- Most claims have one version when they are first loaded, and need no window.
repeated as (
    select
        claim_key,
        min(claim_date) as first_billed_date
    from versions
    group by claim_key
    having count(*) > 1
),

dated as (
    select
        versions.*,
        repeated.first_billed_date,
        -- A row without a date of change is dated by its arrival, as in the claim's history.
        coalesce(
            versions.modified_at,
            max(versions.modified_at) over (
                partition by versions.claim_key order by versions._arrival
                rows between unbounded preceding and 1 preceding
            )
        ) as ordered_at
    from versions
    inner join repeated on versions.claim_key = repeated.claim_key
),

in_order as (
    select
        *,
        -- A date of change after the load comes from a wrong clock.
        {{ local_date('least(coalesce(ordered_at, _ingested_at), _ingested_at)') }} as status_date,
        lag(claim_status) over (partition by claim_key order by ordered_at nulls first, _arrival) as status_before
    from dated
),

numbered as (
    select
        *,
        row_number() over (partition by claim_key order by ordered_at nulls first, _arrival) as sequence_number,
        coalesce(
            lag(is_open) over (partition by claim_key order by ordered_at nulls first, _arrival), true
        ) as was_open,
        lag(status_date) over (
            partition by claim_key order by ordered_at nulls first, _arrival
        ) as previous_status_date,
        count(case when is_adjudicated then 1 end) over (
            partition by claim_key order by ordered_at nulls first, _arrival
            rows between unbounded preceding and current row
        ) as decision_number
    from in_order
    where status_before is null or status_before <> claim_status
),

changes as (
    select
        claim_key,
        source_system,
        sequence_number,
        claim_status,
        status_before,
        status_date,
        previous_status_date,
        first_billed_date,
        is_adjudicated,
        is_denied,
        is_paid,
        is_open,
        was_open,
        decision_number,
        _source_table,
        _batch_id,
        _ingested_at
    from numbered

    union all

    select
        claim_key,
        source_system,
        1 as sequence_number,
        claim_status,
        cast(null as string) as status_before,
        {{ local_date('least(coalesce(modified_at, _ingested_at), _ingested_at)') }} as status_date,
        cast(null as date) as previous_status_date,
        claim_date as first_billed_date,
        is_adjudicated,
        is_denied,
        is_paid,
        is_open,
        true as was_open,
        1 as decision_number,
        _source_table,
        _batch_id,
        _ingested_at
    from versions
    where claim_key not in (select repeated.claim_key from repeated)
),

final as (
    select
        claim_key,
        source_system,
        cast(sequence_number as bigint) as sequence_number,
        claim_status,
        status_before as previous_claim_status,
        status_date,
        previous_status_date,
        first_billed_date,
        is_adjudicated,
        is_denied,
        is_paid,
        _source_table,
        _batch_id,
        _ingested_at,
        is_adjudicated and decision_number = 1 as is_first_adjudication,
        was_open and not is_open as is_closing
    from changes
)

select * from final
