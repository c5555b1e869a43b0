-- Rates are pooled (sum of cash / sum of charges), so the forecast of all hospitals is not the sum of theirs and is a
-- scope of its own: of the hospitals that count in it, each from its own last complete month on (kpi_group_members).
with

points as (
    select
        hospital_name,
        month_key,
        as_of_month_start_date,
        service_month_start_date,
        months_since_service,
        month_start_date,
        is_last_twelve_months,
        charge_amount,
        cash_amount
    from {{ within_warehouse(ref('rpt_collection_curve')) }}

    union all

    select
        'All hospitals' as hospital_name,
        members.month_key,
        curve.as_of_month_start_date,
        curve.service_month_start_date,
        curve.months_since_service,
        curve.month_start_date,
        curve.is_last_twelve_months,
        curve.charge_amount,
        curve.cash_amount
    from {{ within_warehouse(ref('rpt_collection_curve')) }} as curve
    inner join {{ within_warehouse(ref('kpi_group_members')) }} as members
        on curve.hospital_key = members.hospital_key and curve.month_key = members.member_month_key
    where members.is_member
),

rates as (
    select
        hospital_name,
        month_key,
        months_since_service,
        cast(sum(cash_amount) as double) / nullif(sum(charge_amount), 0) as cash_rate
    from points
    where service_month_start_date > {{ months_after('as_of_month_start_date', -18) }}
    group by hospital_name, month_key, months_since_service
),

cohorts as (
    select
        hospital_name,
        month_key,
        service_month_start_date,
        max(months_since_service) as reached_months,
        sum(case when months_since_service = 0 then charge_amount else 0 end) as charge_amount
    from points
    where is_last_twelve_months
    group by hospital_name, month_key, service_month_start_date
),

cash as (
    select
        hospital_name,
        month_key,
        month_start_date,
        'actual' as cash_kind,
        sum(cash_amount) as cash_amount
    from points
    where month_start_date > {{ months_after('as_of_month_start_date', -12) }}
    group by hospital_name, month_key, month_start_date

    union all

    select
        cohorts.hospital_name,
        cohorts.month_key,
        {{ months_after('cohorts.service_month_start_date', 'rates.months_since_service') }}
            as month_start_date,
        'forecast' as cash_kind,
        sum(cohorts.charge_amount * rates.cash_rate) as cash_amount
    from cohorts
    inner join rates
        on
            cohorts.hospital_name = rates.hospital_name
            and cohorts.month_key = rates.month_key
            and cohorts.reached_months < rates.months_since_service
    group by
        cohorts.hospital_name, cohorts.month_key,
        {{ months_after('cohorts.service_month_start_date', 'rates.months_since_service') }}
),

final as (
    select
        hospital_name,
        month_key,
        month_start_date,
        cash_kind,
        cast(cash_amount as decimal(18, 2)) as cash_amount
    from cash
)

select * from final
