-- Question: Are denials rising or falling?
-- Reading: By month. Currently denied: claims first billed in the month and now denied, of those now decided. Initial:
-- claims decided for the first time in the month whose first decision known was a denial, of those decided; until
-- history accrues, the first status seen counts. Recent months have few decided claims.
-- Contracts: denial_rate, initial_denial_rate, first_pass_resolution
with

measures as (
    select
        hospital_key,
        payer_group,
        'currently denied' as measure,
        claim_month_start_date as month_start_date,
        adjudicated_claims,
        denied_claims,
        denied_amount
    from gold.kpi_denial_rate

    union all

    select
        hospital_key,
        payer_group,
        'initially denied (proxy)' as measure,
        decision_month_start_date as month_start_date,
        decided_claims as adjudicated_claims,
        initially_denied_claims as denied_claims,
        initially_denied_amount as denied_amount
    from gold.kpi_initial_denials
)

select
    measures.month_start_date,
    measures.measure,
    sum(measures.denied_claims) as denied_claims,
    sum(measures.adjudicated_claims) as adjudicated_claims,
    cast(sum(measures.denied_claims) as double) * 100 / nullif(sum(measures.adjudicated_claims), 0) as denial_rate_pct,
    sum(measures.denied_amount) as denied_amount
from measures
inner join gold.dim_ledger_month as months
    on measures.hospital_key = months.hospital_key and measures.month_start_date <= months.month_start_date
where
    months.month_key = :month
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', measures.payer_group)
group by measures.month_start_date, measures.measure
having sum(measures.adjudicated_claims) > 0
order by measures.month_start_date, measures.measure
