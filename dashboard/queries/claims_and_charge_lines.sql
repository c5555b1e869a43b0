-- Question: Which claims have no charge line, and which charge lines no claim?
-- Reading: By hospital and payer group, up to the chosen day. A claim without a charge line cannot be held against the
-- ledger; an insured charge line without a claim is not billed, or its claim was not sent to us. Self-pay lines need
-- none.
-- Contracts: dnfb_amount
-- Uses: hospitals, as_of
with

claims as (
    select
        claims.hospital_key,
        claims.payer_group,
        count(*) as claims,
        count(*) filter (where claims.transaction_key in ('-1', '-2')) as claims_without_line,
        sum(case when claims.transaction_key in ('-1', '-2') then claims.claim_amount else 0 end)
            as claims_without_line_amount
    from gold.fct_claims as claims
    inner join as_of on claims.hospital_key = as_of.hospital_key and claims.first_billed_date <= as_of.as_of_date
    group by claims.hospital_key, claims.payer_group
),

charge_lines as (
    select
        transactions.hospital_key,
        transactions.payer_group,
        count(*) as charge_lines,
        count(*) filter (where claimed.transaction_key is null) as lines_without_claim,
        sum(case when claimed.transaction_key is null then transactions.charge_amount else 0 end)
            as lines_without_claim_amount
    from gold.fct_transactions as transactions
    inner join as_of
        on transactions.hospital_key = as_of.hospital_key and transactions.service_date <= as_of.as_of_date
    left join (
        select distinct transaction_key
        from gold.fct_claims
    ) as claimed
        on transactions.transaction_key = claimed.transaction_key
    group by transactions.hospital_key, transactions.payer_group
)

select
    as_of.hospital_name,
    coalesce(charge_lines.payer_group, claims.payer_group) as payer_group,
    coalesce(claims.claims, 0) as claims,
    coalesce(claims.claims_without_line, 0) as claims_without_line,
    coalesce(claims.claims_without_line_amount, 0) as claims_without_line_amount,
    coalesce(charge_lines.charge_lines, 0) as charge_lines,
    coalesce(charge_lines.lines_without_claim, 0) as lines_without_claim,
    coalesce(charge_lines.lines_without_claim_amount, 0) as lines_without_claim_amount
from charge_lines
full outer join claims
    on charge_lines.hospital_key = claims.hospital_key and charge_lines.payer_group = claims.payer_group
inner join as_of on coalesce(charge_lines.hospital_key, claims.hospital_key) = as_of.hospital_key
where :payer_group = 'all' or coalesce(charge_lines.payer_group, claims.payer_group) = :payer_group
order by as_of.hospital_name, payer_group
