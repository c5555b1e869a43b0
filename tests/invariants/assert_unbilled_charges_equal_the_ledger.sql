-- Part of invariants 5 and 11. A charge missing here is one that nobody will bill; more than is owed of it would never
-- be paid; days over other revenue than that of the A/R make the two incomparable.
with

charges as (
    select
        hospital_key,
        transaction_key,
        payer_group,
        post_date,
        ar_delta_amount as charge_amount,
        0 as other_amount
    from {{ ref('fct_ar_events') }}
    where money_type = 'CHARGE'
),

others as (
    select
        hospital_key,
        transaction_key,
        payer_group,
        post_date,
        0 as charge_amount,
        ar_delta_amount as other_amount
    from {{ ref('fct_ar_events') }}
    where money_type <> 'CHARGE'
),

postings as (
    select * from charges
    union all
    select * from others
),

first_claims as (
    select
        transaction_key,
        min(first_billed_date) as first_claim_date
    from {{ ref('fct_claims') }}
    where claim_status <> 'VOID'
    group by transaction_key
),

hospitals_with_claims as (
    select distinct hospital_key
    from {{ ref('fct_claims') }}
),

-- Without the way the model takes: every line as of every month.
lines as (
    select
        months.hospital_key,
        months.month_key,
        postings.transaction_key,
        postings.payer_group,
        sum(postings.charge_amount) as charge_amount,
        sum(postings.charge_amount + postings.other_amount) as balance_amount
    from {{ ref('dim_ledger_month') }} as months
    inner join hospitals_with_claims on months.hospital_key = hospitals_with_claims.hospital_key
    inner join postings
        on months.hospital_key = postings.hospital_key and months.as_of_date >= postings.post_date
    left join first_claims on postings.transaction_key = first_claims.transaction_key
    left join {{ ref('fct_transactions') }} as charge_lines on postings.transaction_key = charge_lines.transaction_key
    where
        postings.payer_group <> 'Self-pay'
        and (
            months.as_of_date < first_claims.first_claim_date
            or (
                first_claims.first_claim_date is null
                and coalesce(charge_lines.payment_source, 'insurance') <> 'patient'
            )
        )
    group by months.hospital_key, months.month_key, postings.transaction_key, postings.payer_group
),

accounts as (
    select
        transaction_key,
        payer_group,
        max_by(account_key, known_at) as account_key
    from {{ ref('fct_ar_events') }}
    where money_type = 'CHARGE'
    group by transaction_key, payer_group
),

-- A line of an account that owes nothing waits for no bill.
unbilled as (
    select
        lines.hospital_key,
        lines.month_key,
        sum(greatest(least(lines.charge_amount, lines.balance_amount), 0)) as unbilled_amount
    from lines
    inner join accounts
        on lines.transaction_key = accounts.transaction_key and lines.payer_group = accounts.payer_group
    inner join {{ ref('fct_ar_snapshot_monthly') }} as balances
        on
            lines.hospital_key = balances.hospital_key
            and accounts.account_key = balances.account_key
            and lines.payer_group = balances.payer_group
            and lines.month_key = balances.month_key
    where balances.debit_amount > 0
    group by lines.hospital_key, lines.month_key
),

dnfb as (
    select
        hospital_key,
        month_key,
        sum(unbilled_amount + claim_held_amount) as unbilled_amount,
        sum(
            unbilled_to_7_days_amount + unbilled_to_30_days_amount + unbilled_over_30_days_amount
            + never_billed_amount + claim_held_amount
        ) as of_all_ages_amount,
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
    or coalesce(dnfb.of_all_ages_amount, 0) <> coalesce(unbilled.unbilled_amount, 0)
    or coalesce(dnfb.gpsr_amount, 0) <> coalesce(days_in_ar.gpsr_amount, 0)
