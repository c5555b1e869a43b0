-- Question: what was owed on a given day, by hospital and payer group, as known then and as restated now?
-- Reading: both columns count what is posted up to the day; the first only what had become known by its end, so the
-- difference is what arrived later. Another day: --vars '{as_of: 2024-10-31}'. Debits less credits, USD.
{%- set day = "cast('" ~ var('as_of', '2024-12-31') ~ "' as date)" %}

select
    hospitals.hospital_name,
    changes.payer_group,
    {{ day }} as as_of_date,
    coalesce(sum(changes.ar_delta_amount) filter (where changes.basis = 'known'), 0) as known_then_amount,
    sum(changes.ar_delta_amount) filter (where changes.basis = 'restated') as restated_now_amount
from {{ ref('fct_ar_balance_changes') }} as changes
inner join {{ ref('dim_hospital') }} as hospitals on changes.hospital_key = hospitals.hospital_key
where changes.effective_date <= {{ day }} and changes.basis in ('known', 'restated')
group by hospitals.hospital_name, changes.payer_group
order by hospitals.hospital_name, changes.payer_group
