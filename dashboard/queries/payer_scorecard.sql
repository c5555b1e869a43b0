-- Question: How does each payer do?
-- Reading: Claims first billed in the twelve months up to the chosen month, the last submission of each. Median and
-- 90th percentile are of the days from first billing to first payment, of claims that were paid; the share in 30, 45
-- and 60 days is of all claims billed at least so long before, paid or not. Short is what claims were allowed below
-- the payer's own median for the procedure: statistical, there is no contract. Open is billed charges still undecided.
-- Contracts: median_payer_turnaround, p90_payer_turnaround, paid_in_30_days, paid_in_45_days, paid_in_60_days,
-- denial_rate, underpayment
-- Uses: hospitals, as_of
with

claims as (
    select
        claims.payer_key,
        count(*) as billed_claims,
        percentile_cont(0.5) within group (
            order by case when claims.bill_to_payment_days >= 0 then cast(claims.bill_to_payment_days as double) end
        ) as median_payment_days,
        percentile_cont(0.9) within group (
            order by case when claims.bill_to_payment_days >= 0 then cast(claims.bill_to_payment_days as double) end
        ) as p90_payment_days,
        sum(claims.open_amount) as open_amount
    from gold.fct_claims as claims
    inner join as_of on claims.hospital_key = as_of.hospital_key
    where
        claims.is_last_submission
        and claims.first_billed_date >= as_of.twelve_months_start_date
        and claims.first_billed_date <= as_of.as_of_date
        and (:payer_group = 'all' or claims.payer_group = :payer_group)
    group by claims.payer_key
),

shares as (
    select
        turnaround.payer_key,
        sum(turnaround.due_30_claims) as due_30_claims,
        sum(turnaround.paid_in_30_claims) as paid_in_30_claims,
        sum(turnaround.due_45_claims) as due_45_claims,
        sum(turnaround.paid_in_45_claims) as paid_in_45_claims,
        sum(turnaround.due_60_claims) as due_60_claims,
        sum(turnaround.paid_in_60_claims) as paid_in_60_claims
    from gold.kpi_payer_turnaround as turnaround
    inner join as_of on turnaround.hospital_key = as_of.hospital_key
    where
        turnaround.claim_month_start_date >= as_of.twelve_months_start_date
        and turnaround.claim_month_key <= as_of.month_key
    group by turnaround.payer_key
),

denials as (
    select
        denials.payer_key,
        sum(denials.adjudicated_claims) as adjudicated_claims,
        sum(denials.denied_claims) as denied_claims
    from gold.kpi_denial_rate as denials
    inner join as_of on denials.hospital_key = as_of.hospital_key
    where
        denials.claim_month_start_date >= as_of.twelve_months_start_date
        and denials.claim_month_key <= as_of.month_key
    group by denials.payer_key
),

short as (
    select
        underpayment.payer_key,
        sum(underpayment.short_amount) as short_amount,
        sum(underpayment.expected_amount) as expected_amount
    from gold.kpi_underpayment as underpayment
    inner join as_of on underpayment.hospital_key = as_of.hospital_key
    where
        underpayment.claim_month_start_date >= as_of.twelve_months_start_date
        and underpayment.claim_month_key <= as_of.month_key
    group by underpayment.payer_key
)

select
    payers.payer_name,
    payers.payer_group,
    hospitals.hospital_name,
    claims.billed_claims,
    claims.median_payment_days,
    claims.p90_payment_days,
    cast(shares.paid_in_30_claims as double) * 100 / nullif(shares.due_30_claims, 0) as paid_in_30_pct,
    cast(shares.paid_in_45_claims as double) * 100 / nullif(shares.due_45_claims, 0) as paid_in_45_pct,
    cast(shares.paid_in_60_claims as double) * 100 / nullif(shares.due_60_claims, 0) as paid_in_60_pct,
    cast(denials.denied_claims as double) * 100 / nullif(denials.adjudicated_claims, 0) as denial_rate_pct,
    coalesce(short.short_amount, 0) as short_amount,
    cast(short.short_amount as double) * 100 / nullif(short.expected_amount, 0) as short_pct,
    claims.open_amount
from claims
inner join gold.dim_payer as payers on claims.payer_key = payers.payer_key
left join hospitals on payers.hospital_key = hospitals.hospital_key
left join shares on claims.payer_key = shares.payer_key
left join denials on claims.payer_key = denials.payer_key
left join short on claims.payer_key = short.payer_key
order by claims.billed_claims desc, payers.payer_name, hospitals.hospital_name
