with

surrogates as (
    {{ deid_surrogates('patients') }}
),

final as (
    select
        surrogates.surrogate_id as patient_surrogate_id,
        coalesce(patients.sex, 'unknown') as sex,
        {{ birth_year_below_90('patients.birth_date') }} as birth_year,
        {{ only_of_shape('patients.state', '^[A-Z]{2}$') }} as state,
        {{ zip3('patients.postal_code') }} as zip3
    from {{ ref('cdm_patients') }} as patients
    inner join surrogates on patients.patient_key = surrogates.record_key
)

select * from final
-- The order of rows would give away the order of the numbers that the ids stand for.
order by patient_surrogate_id
