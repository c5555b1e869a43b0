with

final as (
    select
        {{ generate_surrogate_key(['claim_status']) }} as claim_status_key,
        claim_status,
        status_description,
        is_adjudicated,
        is_denied,
        is_paid,
        is_withdrawn,
        is_open
    from {{ ref('claim_statuses') }}

    union all

    {{ special_members(
        ['claim_status_key', 'claim_status', 'status_description'],
        {
            'is_adjudicated': 'false', 'is_denied': 'false', 'is_paid': 'false', 'is_withdrawn': 'false',
            'is_open': 'false'
        }
    ) }}
)

select * from final
