-- Question: Are denials rising or falling?
-- Reading: By month. Currently denied: claims first billed in the month and now denied, of those now decided. Initial:
-- claims decided for the first time in the month whose first decision known was a denial, of those decided; until
-- history accrues, the first status seen counts. Recent months have few decided claims.
-- Contracts: denial_rate, initial_denial_rate, first_pass_resolution
-- Uses: hospitals, as_of
with

measures as (
    select
        'currently denied' as measure,
        denials.claim_month_start_date as month_start_date,
        denials.adjudicated_claims,
        denials.denied_claims,
        denials.denied_amount
    from gold.kpi_denial_rate as denials
    inner join as_of on denials.hospital_key = as_of.hospital_key
    where
        denials.claim_month_key <= as_of.month_key
        and (:payer_group = 'all' or denials.payer_group = :payer_group)

    union all

    select
        'initially denied (proxy)' as measure,
        denials.decision_month_start_date as month_start_date,
        denials.decided_claims as adjudicated_claims,
        denials.initially_denied_claims as denied_claims,
        denials.initially_denied_amount as denied_amount
    from gold.kpi_initial_denials as denials
    inner join as_of on denials.hospital_key = as_of.hospital_key
    where
        denials.decision_month_key <= as_of.month_key
        and (:payer_group = 'all' or denials.payer_group = :payer_group)
)

select
    month_start_date,
    measure,
    sum(denied_claims) as denied_claims,
    sum(adjudicated_claims) as adjudicated_claims,
    cast(sum(denied_claims) as double) * 100 / nullif(sum(adjudicated_claims), 0) as denial_rate_pct,
    sum(denied_amount) as denied_amount
from measures
group by month_start_date, measure
having sum(adjudicated_claims) > 0
order by month_start_date, measure
