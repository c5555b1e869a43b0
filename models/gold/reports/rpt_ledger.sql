-- Every ledger event in every month as of which it counts, so that a reader filters one month and one basis and sums.
-- A correction counts in the class of what it corrects.
with

final as (
    select
        months.hospital_key,
        months.hospital_name,
        months.month_key,
        months.is_latest,
        events.basis,
        events.ar_event_key,
        events.account_key,
        events.transaction_key,
        case when event_types.event_class = 'charge' then events.transaction_key end as charge_transaction_key,
        events.payer_group,
        events.payer_key,
        coalesce(payers.payer_name, 'Unknown') as payer_name,
        events.department_key,
        coalesce(departments.department_name, 'Unknown') as department_name,
        events.provider_key,
        coalesce(providers.provider_code, 'Unknown') as provider_code,
        coalesce(providers.provider_name, 'Unknown') as provider_name,
        coalesce(providers.specialization, 'Unknown') as specialization,
        coalesce(providers.is_npi_valid, false) as is_npi_valid,
        events.event_type,
        events.is_correction,
        events.service_date,
        events.post_date,
        cast({{ dbt.date_trunc('month', 'events.post_date') }} as date) as post_month_start_date,
        events.known_at,
        events.post_date > cast({{ dbt.dateadd('month', -12, 'months.as_of_date') }} as date) as is_last_twelve_months,
        events.post_date > cast({{ dbt.dateadd('month', -24, 'months.as_of_date') }} as date)
            as is_last_twenty_four_months,
        cast(case when event_types.event_class = 'charge' then events.ar_delta_amount else 0 end as decimal(18, 2))
            as charge_amount,
        cast(case when event_types.is_cash then 0 - events.ar_delta_amount else 0 end as decimal(18, 2))
            as payment_amount,
        {%- for column, sign in [
            ('insurance_payment_amount', '0 - '), ('patient_payment_amount', '0 - '),
            ('unknown_payment_amount', '0 - '), ('refund_amount', '')
        ] %}
        cast(
            case when event_types.report_column = '{{ column }}' then {{ sign }}events.ar_delta_amount else 0 end
            as decimal(18, 2)
        ) as {{ column }},
        {%- endfor %}
        events.ar_delta_amount
    from {{ within_warehouse(ref('fct_ar_balance_changes')) }} as events
    inner join {{ within_warehouse(ref('dim_event_type')) }} as event_types
        on events.money_type = event_types.event_type
    inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on events.hospital_key = months.hospital_key and events.effective_date <= months.as_of_date
    left join {{ within_warehouse(ref('dim_payer')) }} as payers on events.payer_key = payers.payer_key
    left join {{ within_warehouse(ref('dim_department')) }} as departments
        on events.department_key = departments.department_key and departments.is_current
    left join {{ within_warehouse(ref('dim_provider')) }} as providers
        on events.provider_key = providers.provider_key and providers.is_current
)

select * from final
