-- Invariant 7. A join that fans out bills a charge twice; one that drops rows loses it.
with

facts as (
    select
        'transactions' as entity,
        count(*) as fact_rows,
        count(distinct transaction_key) as fact_keys,
        sum(charge_amount) as fact_amount
    from {{ ref('fct_transactions') }}
    union all
    select
        'encounters' as entity,
        count(*) as fact_rows,
        count(distinct encounter_key) as fact_keys,
        0 as fact_amount
    from {{ ref('fct_encounters') }}
    union all
    select
        'claims' as entity,
        count(*) as fact_rows,
        count(distinct claim_key) as fact_keys,
        sum(claim_amount) as fact_amount
    from {{ ref('fct_claims') }}
),

silver as (
    select
        'transactions' as entity,
        count(*) as silver_rows,
        sum(charge_amount) as silver_amount
    from {{ ref('cdm_transactions') }}
    union all
    select
        'encounters' as entity,
        count(*) as silver_rows,
        0 as silver_amount
    from {{ ref('cdm_encounters') }}
    union all
    select
        'claims' as entity,
        count(*) as silver_rows,
        sum(claim_amount) as silver_amount
    from {{ ref('cdm_claims') }}
)

select
    silver.*,
    facts.fact_rows,
    facts.fact_keys,
    facts.fact_amount
from silver
inner join facts on silver.entity = facts.entity
where
    silver.silver_rows <> facts.fact_rows
    or silver.silver_rows <> facts.fact_keys
    or coalesce(silver.silver_amount, 0) <> coalesce(facts.fact_amount, 0)
