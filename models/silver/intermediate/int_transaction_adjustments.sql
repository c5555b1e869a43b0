-- A charge line has many adjustments: they are summed before any join.
select
    {{ generate_surrogate_key(['source_system', 'transaction_id']) }} as transaction_key,
    cast(sum(
        -- A transfer moves the balance to another payer group; it is still owed on the line.
        case
            when adjustment_type in {{ event_types(class='transfer') }} then 0
            else 0 - {{ signed_amount('adjustment_type', 'adjustment_amount') | indent(12) }}
        end
    ) as decimal(18, 2)) as adjustment_amount
from {{ ref('cdm_adjustments') }}
where transaction_id is not null
group by source_system, transaction_id
