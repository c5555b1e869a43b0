with

versions as (
    {{ dimension_versions('departments', 'department_key') }}
),

final as (
    select
        version_key as department_version_key,
        department_key,
        {{ generate_surrogate_key(['source_system']) }} as hospital_key,
        department_id as department_code,
        department_name,
        valid_from,
        valid_to,
        valid_to = {{ open_end() }} as is_current,
        is_member_deleted as is_deleted
    from versions

    union all

    {{ special_members(
        ['department_version_key', 'department_key', 'hospital_key', 'department_code', 'department_name'],
        {
            'valid_from': "cast('1900-01-01' as timestamp)", 'valid_to': open_end(), 'is_current': 'true',
            'is_deleted': 'false'
        }
    ) }}
)

select * from final
