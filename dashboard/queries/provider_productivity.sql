-- Question: What did each provider see and charge, and what was paid on it?
-- Reading: Encounters up to the chosen day by the provider who held them; charges and payments of the ledger up to
-- that day, corrections included, as known or as restated, by the provider of the charge line. "Unknown" is a provider
-- the hospital named and never sent. The payer group counts for money, not for encounters.
-- Uses: hospitals, as_of, ledger
with

postings as (
    select
        hospital_key,
        provider_key,
        count(distinct case when money_type = 'CHARGE' then transaction_key end) as charge_lines,
        sum(case when money_type = 'CHARGE' then ar_delta_amount else 0 end) as charge_amount,
        -sum(
            case when money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND') then ar_delta_amount else 0 end
        ) as paid_amount,
        sum(ar_delta_amount) as outstanding_amount
    from ledger
    where :payer_group = 'all' or payer_group = :payer_group
    group by hospital_key, provider_key
),

encounters as (
    select
        encounters.hospital_key,
        coalesce(providers.provider_key, '-1') as provider_key,
        count(*) as encounters
    from gold.fct_encounters as encounters
    inner join as_of
        on encounters.hospital_key = as_of.hospital_key and encounters.encounter_date <= as_of.as_of_date
    left join gold.dim_provider as providers
        on encounters.provider_version_key = providers.provider_version_key
    group by encounters.hospital_key, coalesce(providers.provider_key, '-1')
),

measures as (
    select
        coalesce(postings.hospital_key, encounters.hospital_key) as hospital_key,
        coalesce(postings.provider_key, encounters.provider_key) as provider_key,
        coalesce(encounters.encounters, 0) as encounters,
        coalesce(postings.charge_lines, 0) as charge_lines,
        coalesce(postings.charge_amount, 0) as charge_amount,
        coalesce(postings.paid_amount, 0) as paid_amount,
        coalesce(postings.outstanding_amount, 0) as outstanding_amount
    from postings
    full outer join encounters
        on postings.hospital_key = encounters.hospital_key and postings.provider_key = encounters.provider_key
)

select
    coalesce(providers.provider_name, 'Unknown') as provider_name,
    coalesce(providers.specialization, 'Unknown') as specialization,
    as_of.hospital_name,
    coalesce(providers.is_npi_valid, false) as is_npi_valid,
    sum(measures.encounters) as encounters,
    sum(measures.charge_lines) as charge_lines,
    sum(measures.charge_amount) as charge_amount,
    sum(measures.paid_amount) as paid_amount,
    sum(measures.outstanding_amount) as outstanding_amount,
    cast(sum(measures.paid_amount) as double) * 100 / nullif(sum(measures.charge_amount), 0) as paid_pct
from measures
inner join as_of on measures.hospital_key = as_of.hospital_key
left join gold.dim_provider as providers
    on measures.provider_key = providers.provider_key and providers.is_current
group by
    coalesce(providers.provider_name, 'Unknown'), coalesce(providers.specialization, 'Unknown'), as_of.hospital_name,
    coalesce(providers.is_npi_valid, false)
order by charge_amount desc, provider_name, as_of.hospital_name
