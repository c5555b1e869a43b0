-- A claim without a charge line cannot be compared with the ledger; an insured charge line without a claim is not
-- billed, or its claim was not sent to us.
with

claims as (
    select
        months.hospital_key,
        months.month_key,
        claims.payer_group,
        count(*) as claims,
        count(*) filter (where claims.transaction_key in ('-1', '-2')) as claims_without_line,
        sum(case when claims.transaction_key in ('-1', '-2') then claims.claim_amount else 0 end)
            as claims_without_line_amount
    from {{ within_warehouse(ref('fct_claims')) }} as claims
    inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on claims.hospital_key = months.hospital_key and claims.first_billed_date <= months.as_of_date
    group by months.hospital_key, months.month_key, claims.payer_group
),

claimed as (
    select distinct transaction_key
    from {{ within_warehouse(ref('fct_claims')) }}
),

charge_lines as (
    select
        months.hospital_key,
        months.month_key,
        transactions.payer_group,
        count(*) as charge_lines,
        count(*) filter (where claimed.transaction_key is null) as lines_without_claim,
        sum(case when claimed.transaction_key is null then transactions.charge_amount else 0 end)
            as lines_without_claim_amount
    from {{ within_warehouse(ref('fct_transactions')) }} as transactions
    inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on transactions.hospital_key = months.hospital_key and transactions.service_date <= months.as_of_date
    left join claimed on transactions.transaction_key = claimed.transaction_key
    group by months.hospital_key, months.month_key, transactions.payer_group
),

final as (
    select
        months.hospital_key,
        months.hospital_name,
        months.month_key,
        cast(coalesce(claims.claims_without_line_amount, 0) as decimal(18, 2)) as claims_without_line_amount,
        cast(coalesce(charge_lines.lines_without_claim_amount, 0) as decimal(18, 2)) as lines_without_claim_amount,
        coalesce(charge_lines.payer_group, claims.payer_group) as payer_group,
        coalesce(claims.claims, 0) as claims,
        coalesce(claims.claims_without_line, 0) as claims_without_line,
        coalesce(charge_lines.charge_lines, 0) as charge_lines,
        coalesce(charge_lines.lines_without_claim, 0) as lines_without_claim
    from charge_lines
    full outer join claims
        on
            charge_lines.hospital_key = claims.hospital_key
            and charge_lines.month_key = claims.month_key
            and charge_lines.payer_group = claims.payer_group
    inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on
            coalesce(charge_lines.hospital_key, claims.hospital_key) = months.hospital_key
            and coalesce(charge_lines.month_key, claims.month_key) = months.month_key
)

select * from final
