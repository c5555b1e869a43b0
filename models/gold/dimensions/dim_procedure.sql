with

final as (
    select
        procedure_key,
        procedure_code,
        coalesce(code_system, 'Unknown') as code_system,
        coalesce(procedure_description, 'Unknown') as procedure_description,
        coalesce(procedure_category, 'Unknown') as procedure_category
    from {{ ref('cdm_procedures') }}

    union all

    {{ special_members(
        ['procedure_key', 'procedure_code', 'code_system', 'procedure_description', 'procedure_category'], {}
    ) }}
)

select * from final
