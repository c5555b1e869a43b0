-- A point of the curve counts once its own month is over.
with

points as (
    select
        months.hospital_key,
        months.hospital_name,
        months.month_key,
        months.month_start_date as as_of_month_start_date,
        curve.service_month_start_date,
        curve.months_since_service,
        {{ months_after('curve.service_month_start_date', 'curve.months_since_service') }} as month_start_date,
        curve.charge_amount,
        curve.payment_amount,
        curve.payment_amount - coalesce(lag(curve.payment_amount) over (
            partition by curve.hospital_key, months.month_key, curve.service_month_start_date
            order by curve.months_since_service
        ), 0) as cash_amount
    from {{ within_warehouse(ref('kpi_collection_curve')) }} as curve
    inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
        on
            curve.hospital_key = months.hospital_key
            and curve.service_month_start_date <= months.month_start_date
),

final as (
    select
        hospital_key,
        hospital_name,
        month_key,
        as_of_month_start_date,
        service_month_start_date,
        months_since_service,
        month_start_date,
        service_month_start_date >= {{ months_after('as_of_month_start_date', -11) }} as is_last_twelve_months,
        charge_amount,
        payment_amount,
        cast(cash_amount as decimal(18, 2)) as cash_amount
    from points
    where month_start_date <= as_of_month_start_date
)

select * from final
