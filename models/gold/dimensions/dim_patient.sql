-- No direct identifier and no birth date: age stands on the fact, as a band at service.
with

versions as (
    {{ dimension_versions('patients', 'patient_key') }}
),

final as (
    select
        version_key as patient_version_key,
        patient_key,
        {{ generate_surrogate_key(['source_system']) }} as hospital_key,
        coalesce(sex, 'unknown') as sex,
        coalesce(state, 'Unknown') as state,
        valid_from,
        valid_to,
        valid_to = {{ open_end() }} as is_current,
        is_member_deleted as is_deleted
    from versions

    union all

    {{ special_members(
        ['patient_version_key', 'patient_key', 'hospital_key', 'sex', 'state'],
        {
            'valid_from': "cast('1900-01-01' as timestamp)", 'valid_to': open_end(), 'is_current': 'true',
            'is_deleted': 'false'
        }
    ) }}
)

select * from final
