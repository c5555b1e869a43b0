with

versions as (
    {{ dimension_versions('providers', 'provider_key') }}
),

registry as (
    select
        npi,
        taxonomy_description,
        is_active,
        case when not is_active then cast(modified_at as date) end as inactive_date
    from {{ ref('cdm_npi') }}
),

final as (
    select
        versions.version_key as provider_version_key,
        versions.provider_key,
        {{ generate_surrogate_key(['versions.source_system']) }} as hospital_key,
        versions.provider_id as provider_code,
        concat_ws(' ', versions.first_name, versions.last_name) as provider_name,
        versions.specialization,
        coalesce(versions.npi, 'Unknown') as npi,
        coalesce(versions.failed_rules, '') not like '%npi_invalid%' as is_npi_valid,
        coalesce(registry.is_active, false) as is_npi_active,
        registry.inactive_date as npi_inactive_date,
        coalesce(registry.taxonomy_description, 'Unknown') as npi_taxonomy,
        versions.valid_from,
        versions.valid_to,
        versions.valid_to = {{ open_end() }} as is_current,
        versions.is_member_deleted as is_deleted
    from versions
    left join registry on versions.npi = registry.npi

    union all

    {{ special_members(
        [
            'provider_version_key', 'provider_key', 'hospital_key', 'provider_code', 'provider_name', 'specialization',
            'npi'
        ],
        {
            'is_npi_valid': 'false', 'is_npi_active': 'false', 'npi_inactive_date': 'cast(null as date)',
            'npi_taxonomy': "'Unknown'",
            'valid_from': "cast('1900-01-01' as timestamp)", 'valid_to': open_end(), 'is_current': 'true',
            'is_deleted': 'false'
        }
    ) }}
)

select * from final
