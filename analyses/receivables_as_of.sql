-- Question: what was owed on a given day, by hospital and payer group, as known then and as restated now?
-- Reading: both columns count what is posted up to the day; the first only what had become known by its end, so the
-- difference is what arrived later. Another day: --vars '{as_of: 2024-10-31}'. Debits less credits, USD.
{%- set day = "cast('" ~ var('as_of', '2024-12-31') ~ "' as date)" %}

with

balances as (
    select
        hospital_key,
        payer_group,
        sum(case when basis = 'known' then ar_delta_amount else 0 end) as known_then_amount,
        sum(case when basis = 'restated' then ar_delta_amount else 0 end) as restated_now_amount
    from {{ ref('fct_ar_balance_changes') }}
    where basis in ('known', 'restated') and effective_date <= {{ day }}
    group by hospital_key, payer_group
)

select
    dim_hospital.hospital_name,
    balances.payer_group,
    {{ day }} as as_of_date,
    cast(balances.known_then_amount as decimal(18, 2)) as known_then_amount,
    cast(balances.restated_now_amount as decimal(18, 2)) as restated_now_amount
from balances
inner join {{ ref('dim_hospital') }} as dim_hospital on balances.hospital_key = dim_hospital.hospital_key
order by dim_hospital.hospital_name, balances.payer_group
