-- By the month in which charges were entered; of sources that say when. A charge entered before its service contradicts
-- itself: it is not late, and has no lag.
with

charge_lines as (
    select
        hospital_key,
        payer_group,
        department_version_key,
        charge_amount,
        cast({{ dbt.date_trunc('month', 'inserted_date') }} as date) as month_start_date,
        {{ dbt.datediff('service_date', 'inserted_date', 'day') }} as lag_days
    from {{ ref('fct_transactions') }}
    where inserted_date is not null and service_date is not null
),

final as (
    select
        {{ generate_surrogate_key([
            'charge_lines.hospital_key', 'charge_lines.payer_group', 'departments.department_key',
            'charge_lines.month_start_date'
        ]) }} as charge_lag_key,
        charge_lines.hospital_key,
        charge_lines.payer_group,
        departments.department_key,
        {{ month_key('charge_lines.month_start_date') }} as month_key,
        charge_lines.month_start_date,
        count(*) as entered_lines_count,
        count(*) filter (where charge_lines.lag_days >= 0) as dated_lines_count,
        cast(
            coalesce(sum(charge_lines.lag_days) filter (where charge_lines.lag_days >= 0), 0) as bigint
        ) as total_lag_days,
        cast(sum(charge_lines.charge_amount) as decimal(18, 2)) as charge_amount,
        cast(
            coalesce(
                sum(charge_lines.charge_amount) filter (
                    where charge_lines.lag_days > {{ var('late_charge_days') }}
                ), 0
            ) as decimal(18, 2)
        ) as late_charge_amount,
        {{ safe_divide(
            'sum(charge_lines.lag_days) filter (where charge_lines.lag_days >= 0)',
            'count(*) filter (where charge_lines.lag_days >= 0)'
        ) }} as mean_lag_days,
        {{ safe_divide(
            'sum(charge_lines.charge_amount) filter (where charge_lines.lag_days > ' ~ var('late_charge_days')
            ~ ') * 100',
            'sum(charge_lines.charge_amount)'
        ) }} as late_charge_pct
    from charge_lines
    inner join {{ ref('dim_department') }} as departments
        on charge_lines.department_version_key = departments.department_version_key
    group by
        charge_lines.hospital_key, charge_lines.payer_group, departments.department_key, charge_lines.month_start_date
)

select * from final
