-- Invariant 11 for claims. A claim that no slice counts is never appealed; a claim in two slices is denied twice.
{%- set parts = [
    ('kpi_denial_rate', 'adjudicated_claims', 'adjudicated_claims'),
    ('kpi_denial_rate', 'denied_claims', 'denied_claims'),
    ('kpi_denial_rate', 'adjudicated_amount', 'adjudicated_amount'),
    ('kpi_denial_rate', 'denied_amount', 'denied_amount'),
    ('kpi_initial_denials', 'decided_claims', 'decided_claims'),
    ('kpi_initial_denials', 'initially_denied_claims', 'initially_denied_claims'),
    ('kpi_initial_denials', 'first_pass_claims', 'first_pass_claims'),
    ('kpi_payer_turnaround', 'billed_claims', 'turnaround_claims'),
    ('kpi_payer_turnaround', 'paid_claims', 'paid_claims'),
    ('kpi_claim_lag', 'billed_claims', 'billed_claims'),
    ('kpi_claim_lag', 'total_lag_days', 'lag_days'),
    ('kpi_patient_share', 'allowed_amount', 'allowed_amount'),
    ('kpi_patient_share', 'patient_amount', 'patient_amount'),
] %}

with

claims as (
    select
        hospital_key,
        count(*) filter (where is_last_submission and is_adjudicated) as adjudicated_claims,
        count(*) filter (where is_last_submission and is_denied) as denied_claims,
        sum(claim_amount) filter (where is_last_submission and is_adjudicated) as adjudicated_amount,
        sum(denied_amount) filter (where is_last_submission) as denied_amount,
        count(*) filter (where is_first_submission and first_adjudicated_date is not null) as decided_claims,
        count(*) filter (where is_first_submission and first_adjudication_status = 'DENIED') as initially_denied_claims,
        count(*) filter (where is_first_submission and is_resolved_first_pass) as first_pass_claims,
        count(*) filter (where is_last_submission) as turnaround_claims,
        count(*) filter (where is_last_submission and first_paid_date is not null) as paid_claims,
        count(*) filter (where is_first_submission) as billed_claims,
        sum(service_to_bill_days) filter (where is_first_submission and service_to_bill_days >= 0) as lag_days,
        sum(allowed_amount) filter (where is_last_submission) as allowed_amount,
        sum(
            case
                when is_last_submission and allowed_amount is not null
                    then deductible_amount + coinsurance_amount + copay_amount
            end
        ) as patient_amount
    from {{ ref('fct_claims') }}
    group by hospital_key
),

checks as (
    {% for kpi, part, whole in parts -%}
    select
        claims.hospital_key,
        '{{ kpi }}.{{ part }}' as fact,
        coalesce(claims.{{ whole }}, 0) as whole,
        coalesce((
            select sum(kpi.{{ part }})
            from {{ ref(kpi) }} as kpi
            where kpi.hospital_key = claims.hospital_key
        ), 0) as part
    from claims
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

select *
from checks
where part <> whole
