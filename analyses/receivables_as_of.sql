-- Question: what was owed on a given day, by hospital and payer group, as known then and as restated now?
-- Reading: both columns count what is posted up to the day; the first only what had become known by its end, so the
-- difference is what arrived later. Another day: --vars '{as_of: 2024-10-31}'. Debits less credits, USD.
{%- set day = "cast('" ~ var('as_of', '2024-12-31') ~ "' as date)" %}
{%- set by = ['hospital_key', 'payer_group'] %}

with

as_restated as (
    {{ ar_as_of(day, by) | indent(4) }}
),

as_known as (
    {{ ar_as_of(day, by, known_date=day) | indent(4) }}
)

select
    dim_hospital.hospital_name,
    as_restated.payer_group,
    {{ day }} as as_of_date,
    coalesce(as_known.ar_amount, 0) as known_then_amount,
    as_restated.ar_amount as restated_now_amount
from as_restated
inner join {{ ref('dim_hospital') }} as dim_hospital on as_restated.hospital_key = dim_hospital.hospital_key
left join as_known
    on as_restated.hospital_key = as_known.hospital_key and as_restated.payer_group = as_known.payer_group
order by dim_hospital.hospital_name, as_restated.payer_group
