-- A visit without a current charge line is care that nobody billed, or that the hospital charges elsewhere.
with

final as (
    select
        months.hospital_key,
        months.hospital_name,
        months.month_key,
        encounters.encounter_key,
        encounters.encounter_date,
        coalesce(visited.department_name, 'Unknown') as department_name,
        coalesce(providers.provider_name, 'Unknown') as provider_name,
        coalesce(providers.specialization, 'Unknown') as specialization,
        coalesce(providers.is_npi_valid, false) as is_npi_valid,
        coalesce(encounters.encounter_type, 'Unknown') as encounter_type,
        encounters.transaction_count = 0 as is_uncharged,
        case when encounters.transaction_count = 0 then encounters.encounter_date end as uncharged_date
    from {{ within_warehouse(ref('fct_encounters')) }} as encounters
    inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on encounters.hospital_key = months.hospital_key and encounters.encounter_date <= months.as_of_date
    left join {{ within_warehouse(ref('dim_department')) }} as visited
        on encounters.department_version_key = visited.department_version_key
    left join {{ within_warehouse(ref('dim_provider')) }} as held_by
        on encounters.provider_version_key = held_by.provider_version_key
    left join {{ within_warehouse(ref('dim_provider')) }} as providers
        on coalesce(held_by.provider_key, '-1') = providers.provider_key and providers.is_current
)

select * from final
