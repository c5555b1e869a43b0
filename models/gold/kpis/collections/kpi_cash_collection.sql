-- Cash of a month against the net revenue of an average month, that of the three months that end with it.
with

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_key']) }} as cash_collection_key,
        hospital_key,
        payer_group,
        month_key,
        month_end_date,
        as_of_date,
        payment_amount,
        npsr_amount,
        cast(npsr_amount / 3 as decimal(18, 2)) as monthly_npsr_amount,
        {{ safe_divide('payment_amount * 300', 'npsr_amount') }} as cash_collection_pct,
        -- Half a month's cash says nothing beside a whole month's revenue.
        case when not is_complete then 'the month still runs' else npsr_unknown_reason end
            as cash_collection_unknown_reason
    from {{ ref('fct_patient_revenue_monthly') }}
)

select * from final
