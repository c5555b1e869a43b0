-- Question: How much is there of everything?
-- Reading: Current records in gold, whatever the chosen month: patients, providers and departments as they are now,
-- encounters, charge lines and claims that came through the rules. Charged, paid and outstanding are of the current
-- charge lines; outstanding is charged less paid and adjusted.
-- Uses: hospitals
with

patients as (
    select
        hospital_key,
        count(*) as patients
    from gold.dim_patient
    where is_current
    group by hospital_key
),

providers as (
    select
        hospital_key,
        count(*) as providers
    from gold.dim_provider
    where is_current
    group by hospital_key
),

departments as (
    select
        hospital_key,
        count(*) as departments
    from gold.dim_department
    where is_current
    group by hospital_key
),

encounters as (
    select
        hospital_key,
        count(*) as encounters
    from gold.fct_encounters
    group by hospital_key
),

charge_lines as (
    select
        hospital_key,
        count(*) as charge_lines,
        sum(charge_amount) as charge_amount,
        sum(paid_amount) as paid_amount,
        sum(balance_amount) as outstanding_amount
    from gold.fct_transactions
    where :payer_group = 'all' or payer_group = :payer_group
    group by hospital_key
),

claims as (
    select
        hospital_key,
        count(*) as claims,
        count(*) filter (where is_denied) as denied_claims
    from gold.fct_claims
    where :payer_group = 'all' or payer_group = :payer_group
    group by hospital_key
)

select
    hospitals.hospital_name,
    patients.patients,
    providers.providers,
    departments.departments,
    encounters.encounters,
    charge_lines.charge_lines,
    claims.claims,
    claims.denied_claims,
    charge_lines.charge_amount,
    charge_lines.paid_amount,
    charge_lines.outstanding_amount
from hospitals
left join patients on hospitals.hospital_key = patients.hospital_key
left join providers on hospitals.hospital_key = providers.hospital_key
left join departments on hospitals.hospital_key = departments.hospital_key
left join encounters on hospitals.hospital_key = encounters.hospital_key
left join charge_lines on hospitals.hospital_key = charge_lines.hospital_key
left join claims on hospitals.hospital_key = claims.hospital_key
order by hospitals.hospital_name
