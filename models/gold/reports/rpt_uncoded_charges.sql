-- Charge lines that wait for their codes, with what is still owed on them: a settled line waits for nothing.
with

final as (
    select
        transactions.transaction_key,
        transactions.hospital_key,
        hospitals.hospital_name,
        transactions.encounter_key,
        coalesce(departments.department_name, 'Unknown') as department_name,
        coalesce(providers.provider_name, 'Unknown') as provider_name,
        transactions.payer_group,
        transactions.service_date,
        transactions.is_procedure_missing,
        transactions.is_diagnosis_missing,
        transactions.charge_amount,
        transactions.balance_amount,
        cast({{ dbt.datediff('transactions.service_date', 'months.as_of_date', 'day') }} as bigint) as open_days
    from {{ within_warehouse(ref('fct_transactions')) }} as transactions
    inner join {{ within_warehouse(ref('dim_hospital')) }} as hospitals
        on transactions.hospital_key = hospitals.hospital_key
    left join {{ within_warehouse(ref('dim_department')) }} as departments
        on transactions.department_version_key = departments.department_version_key
    left join {{ within_warehouse(ref('dim_provider')) }} as providers
        on transactions.provider_version_key = providers.provider_version_key
    left join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on transactions.hospital_key = months.hospital_key and months.is_latest
    where
        (transactions.is_procedure_missing or transactions.is_diagnosis_missing) and transactions.balance_amount > 0
)

select * from final
