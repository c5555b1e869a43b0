-- What is still owed on charge lines that wait for a procedure or a diagnosis: rpt_uncoded_charges has each of them. As
-- things stand now, by the day of service; a source that sends no codes at all is left out.
with

uncoded as (
    select
        hospital_key,
        payer_group,
        service_date,
        least(charge_amount, balance_amount) as uncoded_amount
    from {{ ref('fct_transactions') }}
    where (is_procedure_missing or is_diagnosis_missing) and balance_amount > 0
),

-- A month in which nothing waits is a month too.
final as (
    select
        {{ generate_surrogate_key(['revenue.hospital_key', 'revenue.payer_group', 'revenue.month_key']) }}
            as uncoded_charges_key,
        revenue.hospital_key,
        revenue.payer_group,
        revenue.month_key,
        revenue.month_end_date,
        revenue.as_of_date,
        cast(count(uncoded.hospital_key) as bigint) as uncoded_lines,
        cast(coalesce(sum(uncoded.uncoded_amount), 0) as decimal(18, 2)) as uncoded_amount
    from {{ ref('fct_patient_revenue_monthly') }} as revenue
    inner join {{ ref('kpi_feeds') }} as feeds on revenue.hospital_key = feeds.hospital_key and feeds.feed = 'codes'
    left join uncoded
        on
            revenue.hospital_key = uncoded.hospital_key
            and revenue.payer_group = uncoded.payer_group
            and revenue.as_of_date >= uncoded.service_date
    group by
        revenue.hospital_key, revenue.payer_group, revenue.month_key, revenue.month_end_date, revenue.as_of_date
)

select * from final
