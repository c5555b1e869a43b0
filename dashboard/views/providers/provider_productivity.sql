-- Question: What did each provider see and charge, and what was paid on it?
-- Reading: Encounters up to the chosen day by the provider who held them; charges and payments of the ledger up to
-- that day, corrections included, as known or as restated, by the provider of the charge line. "Unknown" is a provider
-- the hospital named and never sent. The payer group counts for money, not for encounters.
with

encounters as (
    select
        hospital_name,
        provider_name,
        specialization,
        is_npi_valid,
        count(*) as encounters
    from gold.rpt_encounters
    where month_key = :month and :hospital in ('All hospitals', hospital_name)
    group by hospital_name, provider_name, specialization, is_npi_valid
),

postings as (
    select
        hospital_name,
        provider_name,
        specialization,
        is_npi_valid,
        count(distinct charge_transaction_key) as charge_lines,
        sum(charge_amount) as charge_amount,
        sum(payment_amount) as paid_amount,
        sum(ar_delta_amount) as outstanding_amount
    from gold.rpt_ledger
    where
        month_key = :month
        and basis = :basis
        and :hospital in ('All hospitals', hospital_name)
        and :payer_group in ('All payer groups', payer_group)
    group by hospital_name, provider_name, specialization, is_npi_valid
)

select
    provider_name,
    specialization,
    hospital_name,
    is_npi_valid,
    coalesce(encounters.encounters, 0) as encounters,
    coalesce(postings.charge_lines, 0) as charge_lines,
    coalesce(postings.charge_amount, 0) as charge_amount,
    coalesce(postings.paid_amount, 0) as paid_amount,
    coalesce(postings.outstanding_amount, 0) as outstanding_amount,
    cast(postings.paid_amount as double) * 100 / nullif(postings.charge_amount, 0) as paid_pct
from postings
full outer join encounters using (hospital_name, provider_name, specialization, is_npi_valid)
order by charge_amount desc, provider_name, hospital_name
