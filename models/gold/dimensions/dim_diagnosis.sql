with

final as (
    select
        diagnosis_key,
        diagnosis_code,
        coalesce(diagnosis_description, 'Unknown') as diagnosis_description,
        coalesce(chapter, 'Unknown') as chapter,
        coalesce(block, 'Unknown') as block,
        coalesce(is_billable, false) as is_billable
    from {{ ref('cdm_diagnoses') }}

    union all

    {{ special_members(
        ['diagnosis_key', 'diagnosis_code', 'diagnosis_description', 'chapter', 'block'], {'is_billable': 'false'}
    ) }}
)

select * from final
