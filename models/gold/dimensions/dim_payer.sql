-- A payer is what a hospital calls one, within a payer group: the same name in two groups is two payers to finance.
with

payers as (
    -- From history: the ledger still holds what was posted to a payer since corrected.
    select
        source_system,
        payer_id,
        coalesce(payer_group, 'Unknown') as payer_group
    from {{ ref('transactions_history') }}
    union
    select
        source_system,
        payer_id,
        coalesce(payer_group, 'Unknown') as payer_group
    from {{ ref('adjustments_history') }}
    union
    select
        source_system,
        payer_id,
        payer_group
    from {{ ref('int_claim_payers') }}
),

final as (
    select
        {{ payer_key('source_system', 'payer_id', 'payer_group') }} as payer_key,
        {{ generate_surrogate_key(['source_system']) }} as hospital_key,
        payer_id as payer_name,
        payer_group
    from payers
    where payer_id is not null

    union all

    {{ special_members(['payer_key', 'hospital_key', 'payer_name', 'payer_group'], {}) }}
)

select * from final
