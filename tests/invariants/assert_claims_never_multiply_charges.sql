-- Part of invariant 7. A charge line with two claims, joined to them, is billed twice; one whose claims are lost counts
-- as never billed.
with

charge_lines as (
    select
        count(*) as line_count,
        sum(charge_amount) as charge_amount
    from {{ ref('fct_transactions') }}
),

joined as (
    select
        count(*) as line_count,
        sum(charge_lines.charge_amount) as charge_amount
    from {{ ref('fct_transactions') }} as charge_lines
    left join {{ ref('int_transaction_claims') }} as claims on charge_lines.transaction_key = claims.transaction_key
),

aggregated as (
    select
        sum(claim_count) as claim_count,
        sum(claim_amount) as claim_amount
    from {{ ref('int_transaction_claims') }}
),

claims as (
    select
        count(*) as claim_count,
        sum(claim_amount) as claim_amount
    from {{ ref('fct_claims') }}
    -- All but those that name no charge line.
    where transaction_key <> '-2'
),

checks as (
    select
        'charge lines' as fact,
        charge_lines.line_count as rows_of_part,
        joined.line_count as rows_of_whole,
        charge_lines.charge_amount as part,
        joined.charge_amount as whole
    from charge_lines
    cross join joined

    union all

    select
        'claims' as fact,
        aggregated.claim_count as rows_of_part,
        claims.claim_count as rows_of_whole,
        aggregated.claim_amount as part,
        claims.claim_amount as whole
    from aggregated
    cross join claims
)

select *
from checks
where coalesce(rows_of_part, 0) <> coalesce(rows_of_whole, 0) or coalesce(part, 0) <> coalesce(whole, 0)
