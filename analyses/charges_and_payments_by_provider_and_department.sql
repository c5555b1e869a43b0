-- Question: what did each provider charge and what was paid on it, and in which department?
-- Reading: from the ledger to date, corrections included. Payments are less refunds. What is neither charge nor
-- payment (adjustments) is in balance_amount, so that charges - payments + other = balance. "Unknown" is a provider or
-- department the hospital named and never sent; "Not applicable" is where it named none.
with

postings as (
    select
        hospital_key,
        department_key,
        provider_key,
        count(distinct case when money_type = 'CHARGE' then transaction_key end) as charge_lines,
        sum(case when money_type = 'CHARGE' then ar_delta_amount else 0 end) as charge_amount,
        sum(
            case
                when money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND') then 0 - ar_delta_amount
                else 0
            end
        ) as payment_amount,
        sum(ar_delta_amount) as balance_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, department_key, provider_key
),

final as (
    select
        hospitals.hospital_name,
        coalesce(departments.department_name, 'Unknown') as department_name,
        coalesce(providers.provider_code, 'Unknown') as provider_code,
        coalesce(providers.provider_name, 'Unknown') as provider_name,
        postings.charge_lines,
        postings.charge_amount,
        postings.payment_amount,
        postings.balance_amount,
        {{ safe_divide('postings.payment_amount * 100', 'postings.charge_amount') }} as payment_pct
    from postings
    inner join {{ ref('dim_hospital') }} as hospitals on postings.hospital_key = hospitals.hospital_key
    left join {{ ref('dim_department') }} as departments
        on postings.department_key = departments.department_key and departments.is_current
    left join {{ ref('dim_provider') }} as providers
        on postings.provider_key = providers.provider_key and providers.is_current
)

select * from final
order by hospital_name asc, charge_amount desc, department_name asc, provider_code asc
