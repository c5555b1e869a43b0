-- Patients, providers, departments and encounters belong to no payer group: their counts are in a row without one.
with

patients as (
    select
        hospital_key,
        count(*) as patients
    from {{ within_warehouse(ref('dim_patient')) }}
    where is_current
    group by hospital_key
),

providers as (
    select
        hospital_key,
        count(*) as providers
    from {{ within_warehouse(ref('dim_provider')) }}
    where is_current
    group by hospital_key
),

departments as (
    select
        hospital_key,
        count(*) as departments
    from {{ within_warehouse(ref('dim_department')) }}
    where is_current
    group by hospital_key
),

encounters as (
    select
        hospital_key,
        count(*) as encounters
    from {{ within_warehouse(ref('fct_encounters')) }}
    group by hospital_key
),

charge_lines as (
    select
        hospital_key,
        payer_group,
        count(*) as charge_lines,
        sum(charge_amount) as charge_amount,
        sum(paid_amount) as paid_amount,
        sum(balance_amount) as outstanding_amount
    from {{ within_warehouse(ref('fct_transactions')) }}
    group by hospital_key, payer_group
),

claims as (
    select
        hospital_key,
        payer_group,
        count(*) as claims,
        count(*) filter (where is_denied) as denied_claims
    from {{ within_warehouse(ref('fct_claims')) }}
    group by hospital_key, payer_group
),

hospitals as (
    select
        hospital_key,
        hospital_name
    from {{ within_warehouse(ref('dim_hospital')) }}
    where hospital_key not in ('-1', '-2')
),

final as (
    select
        hospitals.hospital_key,
        hospitals.hospital_name,
        cast(null as string) as payer_group,
        patients.patients,
        providers.providers,
        departments.departments,
        encounters.encounters,
        cast(null as bigint) as charge_lines,
        cast(null as bigint) as claims,
        cast(null as bigint) as denied_claims,
        cast(null as decimal(18, 2)) as charge_amount,
        cast(null as decimal(18, 2)) as paid_amount,
        cast(null as decimal(18, 2)) as outstanding_amount
    from hospitals
    left join patients on hospitals.hospital_key = patients.hospital_key
    left join providers on hospitals.hospital_key = providers.hospital_key
    left join departments on hospitals.hospital_key = departments.hospital_key
    left join encounters on hospitals.hospital_key = encounters.hospital_key

    union all

    select
        hospitals.hospital_key,
        hospitals.hospital_name,
        coalesce(charge_lines.payer_group, claims.payer_group) as payer_group,
        cast(null as bigint) as patients,
        cast(null as bigint) as providers,
        cast(null as bigint) as departments,
        cast(null as bigint) as encounters,
        charge_lines.charge_lines,
        claims.claims,
        claims.denied_claims,
        cast(charge_lines.charge_amount as decimal(18, 2)) as charge_amount,
        cast(charge_lines.paid_amount as decimal(18, 2)) as paid_amount,
        cast(charge_lines.outstanding_amount as decimal(18, 2)) as outstanding_amount
    from charge_lines
    full outer join claims
        on charge_lines.hospital_key = claims.hospital_key and charge_lines.payer_group = claims.payer_group
    inner join hospitals on coalesce(charge_lines.hospital_key, claims.hospital_key) = hospitals.hospital_key
)

select * from final
