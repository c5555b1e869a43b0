-- Question: What cash is still to come from what has been charged?
-- Reading: Actual: cash less refunds of each month, on charges of up to twelve months before. Forecast: for each
-- service month not yet a year old, its charges times the share that service months of the last year and a half
-- collected in the same month of their life (sum of that month's cash / sum of charges, over the months that reached
-- it). Charges still to come are not in it, so that it falls to zero; it is no budget. Of all payer groups.
-- Contracts: collected_within_three_months
-- Uses: hospitals, as_of
with

points as (
    select
        curve.hospital_key,
        year(curve.service_month_start_date) * 12 + month(curve.service_month_start_date) - 1 as service_index,
        as_of.month_index - 1 as as_of_index,
        curve.months_since_service,
        curve.charge_amount,
        curve.payment_amount - coalesce(lag(curve.payment_amount) over (
            partition by curve.hospital_key, curve.service_month_start_date order by curve.months_since_service
        ), 0) as cash_amount
    from gold.kpi_collection_curve as curve
    inner join as_of on curve.hospital_key = as_of.hospital_key
    where
        year(curve.service_month_start_date) * 12 + month(curve.service_month_start_date)
        + curve.months_since_service <= as_of.month_index
),

rates as (
    select
        months_since_service,
        cast(sum(cash_amount) as double) / nullif(sum(charge_amount), 0) as cash_rate
    from points
    where service_index > as_of_index - 18
    group by months_since_service
),

cohorts as (
    select
        service_index,
        max(as_of_index) as as_of_index,
        max(months_since_service) as reached_months,
        sum(case when months_since_service = 0 then charge_amount else 0 end) as charge_amount
    from points
    group by service_index
),

months as (
    select
        service_index + months_since_service as month_index,
        'actual' as kind,
        sum(cash_amount) as cash_amount
    from points
    where service_index + months_since_service > as_of_index - 12
    group by service_index + months_since_service

    union all

    select
        cohorts.service_index + rates.months_since_service as month_index,
        'forecast' as kind,
        sum(cohorts.charge_amount * rates.cash_rate) as cash_amount
    from cohorts
    inner join rates on cohorts.reached_months < rates.months_since_service
    where cohorts.service_index > cohorts.as_of_index - 12
    group by cohorts.service_index + rates.months_since_service
)

select
    make_date(
        cast(floor(month_index / 12) as int), cast(month_index - floor(month_index / 12) * 12 as int) + 1, 1
    ) as month_start_date,
    kind,
    cast(cash_amount as decimal(18, 2)) as cash_amount
from months
order by month_index, kind
