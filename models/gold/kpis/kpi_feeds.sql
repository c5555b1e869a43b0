-- Which feeds each hospital sends that it may also lack: what depends on one is unknown without it, not zero.
with

final as (
    select distinct
        'adjustments' as feed,
        hospital_key
    from {{ ref('fct_adjustments') }}

    union all

    select distinct
        'claims' as feed,
        hospital_key
    from {{ ref('fct_claims') }}
)

select * from final
