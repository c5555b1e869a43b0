-- Adjustments come many to a charge line: added up before any join.
select
    {{ generate_surrogate_key(['source_system', 'transaction_id']) }} as transaction_key,
    cast(sum(
        case
            when adjustment_type in ('DENIAL', 'TRANSFER') then 0
            when adjustment_type = 'REFUND' then 0 - adjustment_amount
            else adjustment_amount
        end
    ) as decimal(18, 2)) as adjustment_amount
from {{ ref('cdm_adjustments') }}
where transaction_id is not null
group by source_system, transaction_id
