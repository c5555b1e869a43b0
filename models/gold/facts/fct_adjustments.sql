with

adjustments as (
    select
        *,
        coalesce(payer_group, 'Unknown') as known_payer_group,
        {{ generate_surrogate_key(['source_system', 'transaction_id']) }} as transaction_key,
        {{ generate_surrogate_key(['source_system', 'claim_id']) }} as claim_key,
        {{ generate_surrogate_key(['source_system', 'provider_id']) }} as provider_key,
        {{ generate_surrogate_key(['source_system', 'department_id']) }} as department_key,
        coalesce(service_date, post_date) as known_service_date
    from {{ ref('cdm_adjustments') }}
),

final as (
    select
        adjustments.adjustment_key,
        {{ generate_surrogate_key(['adjustments.source_system']) }} as hospital_key,
        {{ member('transactions.transaction_key', 'adjustments.transaction_id') }} as transaction_key,
        {{ member('claims.claim_key', 'adjustments.claim_id') }} as claim_key,
        {{ member('dim_provider.provider_version_key', 'adjustments.provider_id') }} as provider_version_key,
        {{ member('dim_department.department_version_key', 'adjustments.department_id') }} as department_version_key,
        {{ payer_key(
            'adjustments.source_system', 'adjustments.payer_id', 'adjustments.known_payer_group'
        ) }} as payer_key,
        {{ date_key('adjustments.post_date') }} as post_date_key,
        adjustments.known_payer_group as payer_group,
        adjustments.to_payer_group,
        adjustments.adjustment_type,
        {{ only_of_shape('adjustments.group_code', '^[A-Z]{2}$') }} as group_code,
        {{ only_of_shape('adjustments.reason_code', '^[A-Z]{0,2}[0-9]{1,4}$') }} as reason_code,
        adjustments.known_service_date as service_date,
        adjustments.post_date,
        coalesce(adjustments.adjustment_amount, 0) as adjustment_amount
    from adjustments
    left join {{ ref('cdm_transactions') }} as transactions
        on adjustments.transaction_key = transactions.transaction_key
    left join {{ ref('cdm_claims') }} as claims on adjustments.claim_key = claims.claim_key
    {{ join_as_of('dim_provider', 'provider_key', 'adjustments.provider_key', 'adjustments.known_service_date') }}
    {{ join_as_of('dim_department', 'department_key', 'adjustments.department_key', 'adjustments.known_service_date') }}
)

select * from final
