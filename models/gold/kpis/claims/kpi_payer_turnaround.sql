-- The share paid within so many days is of all claims that are at least so old: of the paid ones alone, a payer that
-- pays half of them promptly and the rest never would look prompt.
{%- set periods = [30, 45, 60] %}

with

last_changes as (
    select
        hospital_key,
        max(status_date) as last_status_date
    from {{ ref('fct_claim_status_events') }}
    group by hospital_key
),

as_of as (
    select
        months.hospital_key,
        -- Of what came after the last claim file nothing is known, though the ledger may go on.
        least(max(months.as_of_date), max(last_changes.last_status_date)) as as_of_date
    from {{ ref('dim_ledger_month') }} as months
    inner join last_changes on months.hospital_key = last_changes.hospital_key
    group by months.hospital_key
),

claims as (
    select
        claims.hospital_key,
        claims.payer_key,
        claims.payer_group,
        as_of.as_of_date,
        cast({{ dbt.date_trunc('month', 'claims.first_billed_date') }} as date) as claim_month_start_date,
        claims.first_paid_date is not null as is_ever_paid,
        coalesce(claims.bill_to_payment_days < 0, false) as is_contradictory,
        case when claims.bill_to_payment_days >= 0 then claims.bill_to_payment_days end as payment_days,
        case when claims.bill_to_decision_days >= 0 then claims.bill_to_decision_days end as decision_days,
        {{ dbt.datediff('claims.first_billed_date', 'as_of.as_of_date', 'day') }} as age_days
    from {{ ref('fct_claims') }} as claims
    left join as_of on claims.hospital_key = as_of.hospital_key
    where claims.is_last_submission
),

final as (
    select
        {{ generate_surrogate_key([
            'hospital_key', 'payer_key', 'payer_group', 'claim_month_start_date'
        ]) }} as payer_turnaround_key,
        hospital_key,
        payer_key,
        payer_group,
        {{ month_key('claim_month_start_date') }} as claim_month_key,
        claim_month_start_date,
        as_of_date,
        count(*) as billed_claims,
        count(*) filter (where is_ever_paid) as paid_claims,
        count(*) filter (where is_contradictory) as contradictory_claims,
        {%- for days in periods %}
        count(*) filter (where age_days >= {{ days }} and not is_contradictory) as due_{{ days }}_claims,
        count(*) filter (where age_days >= {{ days }} and payment_days <= {{ days }}) as paid_in_{{ days }}_claims,
        {{ safe_divide(
            'count(*) filter (where age_days >= ' ~ days ~ ' and payment_days <= ' ~ days ~ ') * 100',
            'count(*) filter (where age_days >= ' ~ days ~ ' and not is_contradictory)'
        ) }} as paid_in_{{ days }}_pct,
        {%- endfor %}
        {{ percentile('payment_days', 0.5) }} as median_payment_days,
        {{ percentile('payment_days', 0.9) }} as p90_payment_days,
        {{ percentile('decision_days', 0.5) }} as median_decision_days
    from claims
    group by hospital_key, payer_key, payer_group, claim_month_start_date, as_of_date
)

select * from final
