-- Part of invariants 5 and 11. A charge missing here is one that nobody will bill; days over other revenue than that of
-- the A/R make the two incomparable.
with

charges as (
    select
        hospital_key,
        transaction_key,
        payer_group,
        post_date,
        ar_delta_amount
    from {{ ref('fct_ar_events') }}
    where money_type = 'CHARGE'
),

first_claims as (
    select
        transaction_key,
        min(first_billed_date) as first_claim_date
    from {{ ref('fct_claims') }}
    where claim_status <> 'VOID'
    group by transaction_key
),

unbilled as (
    select
        months.hospital_key,
        months.month_key,
        sum(charges.ar_delta_amount) as unbilled_amount
    from {{ ref('dim_ledger_month') }} as months
    inner join charges
        on months.hospital_key = charges.hospital_key and months.as_of_date >= charges.post_date
    left join first_claims on charges.transaction_key = first_claims.transaction_key
    left join {{ ref('fct_transactions') }} as charge_lines on charges.transaction_key = charge_lines.transaction_key
    where
        charges.payer_group <> 'Self-pay'
        and (
            months.as_of_date < first_claims.first_claim_date
            or (
                first_claims.first_claim_date is null
                and coalesce(charge_lines.payment_source, 'insurance') <> 'patient'
            )
        )
    group by months.hospital_key, months.month_key
),

dnfb as (
    select
        hospital_key,
        month_key,
        sum(unbilled_amount) as unbilled_amount,
        sum(gpsr_amount) as gpsr_amount
    from {{ ref('kpi_dnfb') }}
    group by hospital_key, month_key
)

select
    dnfb.*,
    unbilled.unbilled_amount as expected_unbilled_amount,
    days_in_ar.gpsr_amount as expected_gpsr_amount
from dnfb
full outer join unbilled on dnfb.hospital_key = unbilled.hospital_key and dnfb.month_key = unbilled.month_key
left join {{ ref('kpi_days_in_ar') }} as days_in_ar
    on dnfb.hospital_key = days_in_ar.hospital_key and dnfb.month_key = days_in_ar.month_key
where
    coalesce(dnfb.unbilled_amount, 0) <> coalesce(unbilled.unbilled_amount, 0)
    or coalesce(dnfb.gpsr_amount, 0) <> coalesce(days_in_ar.gpsr_amount, 0)
