-- Discharged, not final billed, by its nearest thing: what is owed on charge lines that stand on no claim yet.
{%- set columns = {
    'unbilled_to_7_days_amount': '0-7', 'unbilled_to_30_days_amount': '8-30', 'unbilled_over_30_days_amount': '>30',
    'never_billed_amount': 'never billed', 'claim_held_amount': 'claim in quarantine'
} %}

with

lines as (
    select
        hospital_key,
        payer_group,
        month_key,
        {%- for column, age in columns.items() %}
        sum(case when unbilled_age = '{{ age }}' then unbilled_amount else 0 end) as {{ column }},
        {%- endfor %}
        sum(case when not is_claim_held then unbilled_amount else 0 end) as unbilled_amount
    from {{ ref('fct_unbilled_lines_monthly') }}
    group by hospital_key, payer_group, month_key
),

-- A month in which nothing waits is a month too; without claims it is not known what waits.
final as (
    select
        {{ generate_surrogate_key(['revenue.hospital_key', 'revenue.payer_group', 'revenue.month_key']) }} as dnfb_key,
        revenue.hospital_key,
        revenue.payer_group,
        revenue.month_key,
        revenue.month_end_date,
        revenue.as_of_date,
        {%- for column in ['unbilled_amount'] + columns.keys() | list %}
        cast(case when feeds.hospital_key is not null then coalesce(lines.{{ column }}, 0) end as decimal(18, 2))
            as {{ column }},
        {%- endfor %}
        revenue.gpsr_amount,
        revenue.revenue_days,
        {{ safe_divide(
            'case when feeds.hospital_key is not null then coalesce(lines.unbilled_amount, 0) end'
            ~ ' * revenue.revenue_days',
            'revenue.gpsr_amount'
        ) }} as dnfb_days,
        revenue.gpsr_unknown_reason
    from {{ ref('fct_patient_revenue_monthly') }} as revenue
    left join {{ ref('kpi_feeds') }} as feeds on revenue.hospital_key = feeds.hospital_key and feeds.feed = 'claims'
    left join lines
        on
            revenue.hospital_key = lines.hospital_key
            and revenue.payer_group = lines.payer_group
            and revenue.month_key = lines.month_key
)

select * from final
