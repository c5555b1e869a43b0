-- A claim file names the payer but not its group: the group is that of the charge line the claim bills.
select
    claims.claim_key,
    claims.source_system,
    claims.payer_id,
    coalesce(transactions.payer_group, 'Unknown') as payer_group
from {{ ref('cdm_claims') }} as claims
left join {{ ref('cdm_transactions') }} as transactions
    on {{ generate_surrogate_key(['claims.source_system', 'claims.transaction_id']) }} = transactions.transaction_key
