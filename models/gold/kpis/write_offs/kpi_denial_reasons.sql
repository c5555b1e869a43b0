-- Denials by the reason the payer gave; only the code, because its text is licensed.
with

denials as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'post_date') }} as date) as month_start_date,
        coalesce(reason_code, 'none given') as known_reason_code
    from {{ ref('fct_adjustments') }}
    where adjustment_type in {{ event_types(class='denial') }}
),

reasons as (
    select
        hospital_key,
        payer_key,
        payer_group,
        known_reason_code,
        month_start_date,
        count(*) as denial_count,
        sum(adjustment_amount) as denied_amount
    from denials
    group by hospital_key, payer_key, payer_group, known_reason_code, month_start_date
),

final as (
    select
        {{ generate_surrogate_key([
            'hospital_key', 'payer_key', 'known_reason_code', 'month_start_date'
        ]) }} as denial_reason_key,
        hospital_key,
        payer_key,
        payer_group,
        known_reason_code as reason_code,
        {{ month_key('month_start_date') }} as month_key,
        month_start_date,
        denial_count,
        cast(denied_amount as decimal(18, 2)) as denied_amount,
        cast(sum(denied_amount) over (partition by hospital_key, month_start_date) as decimal(18, 2))
            as hospital_denied_amount,
        {{ safe_divide(
            'denied_amount * 100', 'sum(denied_amount) over (partition by hospital_key, month_start_date)'
        ) }} as denied_share_pct
    from reasons
)

select * from final
