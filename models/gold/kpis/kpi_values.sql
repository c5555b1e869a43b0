-- The value of every KPI that rolls up, as of every month: over its contract's window and of each month by itself, per
-- hospital and for all of them, per payer group and for all of them. Ratios are sums over sums, never averages.
with

contracts as (
    select
        kpi_name,
        unit,
        kpi_window
    from {{ ref('kpi_contracts') }}
    where kpi_window is not null
),

windows as (
    select * from {{ ref('kpi_windows') }}
),

sliced as (
    select
        kpi_name,
        hospital_key,
        payer_group,
        split,
        month_key,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_measures') }}
    where payer_group is not null
    group by kpi_name, hospital_key, payer_group, split, month_key

    union all

    select
        kpi_name,
        hospital_key,
        'All payer groups' as payer_group,
        split,
        month_key,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_measures') }}
    group by kpi_name, hospital_key, split, month_key
),

windowed as (
    select
        sliced.kpi_name,
        contracts.kpi_window,
        windows.month_key,
        windows.month_key as counts_from_month_key,
        windows.as_of_date,
        sliced.hospital_key,
        sliced.payer_group,
        sliced.split,
        sum(sliced.numerator) as numerator,
        sum(sliced.denominator) as denominator
    from sliced
    inner join contracts on sliced.kpi_name = contracts.kpi_name
    inner join windows
        on
            contracts.kpi_window = windows.kpi_window
            and sliced.hospital_key = windows.hospital_key
            and sliced.month_key >= windows.first_month_key
            and sliced.month_key <= windows.last_month_key
    where contracts.kpi_window <> 'month'
    group by
        sliced.kpi_name, contracts.kpi_window, windows.month_key, windows.as_of_date, sliced.hospital_key,
        sliced.payer_group, sliced.split
),

-- A month by itself counts from the first month whose window reaches it: a cohort not before it is mature.
reached as (
    select
        sliced.kpi_name,
        sliced.hospital_key,
        sliced.month_key,
        min(windows.month_key) as counts_from_month_key
    from sliced
    inner join contracts on sliced.kpi_name = contracts.kpi_name
    inner join windows
        on
            contracts.kpi_window = windows.kpi_window
            and sliced.hospital_key = windows.hospital_key
            and sliced.month_key <= windows.last_month_key
    group by sliced.kpi_name, sliced.hospital_key, sliced.month_key
),

monthly as (
    select
        sliced.kpi_name,
        'month' as kpi_window,
        sliced.month_key,
        reached.counts_from_month_key,
        months.as_of_date,
        sliced.hospital_key,
        sliced.payer_group,
        sliced.split,
        sliced.numerator,
        sliced.denominator
    from sliced
    inner join reached
        on
            sliced.kpi_name = reached.kpi_name
            and sliced.hospital_key = reached.hospital_key
            and sliced.month_key = reached.month_key
    left join {{ ref('dim_ledger_month') }} as months
        on sliced.hospital_key = months.hospital_key and sliced.month_key = months.month_key
),

of_hospitals as (
    select * from windowed
    union all
    select * from monthly
),

rolled_up as (
    select
        of_hospitals.kpi_name,
        of_hospitals.kpi_window,
        of_hospitals.month_key,
        of_hospitals.counts_from_month_key,
        of_hospitals.as_of_date,
        of_hospitals.hospital_key,
        hospitals.hospital_name,
        of_hospitals.payer_group,
        of_hospitals.split,
        of_hospitals.numerator,
        of_hospitals.denominator
    from of_hospitals
    inner join {{ ref('dim_hospital') }} as hospitals on of_hospitals.hospital_key = hospitals.hospital_key

    union all

    select
        kpi_name,
        kpi_window,
        month_key,
        -- Of all hospitals: once it counts for each of them, and known up to the earliest of their days.
        max(counts_from_month_key) as counts_from_month_key,
        min(as_of_date) as as_of_date,
        cast(null as string) as hospital_key,
        'All hospitals' as hospital_name,
        payer_group,
        split,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from of_hospitals
    group by kpi_name, kpi_window, month_key, payer_group, split
),

final as (
    select
        {{ generate_surrogate_key([
            'rolled_up.kpi_name', 'rolled_up.kpi_window', 'rolled_up.month_key', 'rolled_up.hospital_name',
            'rolled_up.payer_group', 'rolled_up.split'
        ]) }} as kpi_value_key,
        rolled_up.kpi_name,
        rolled_up.kpi_window,
        rolled_up.month_key,
        rolled_up.counts_from_month_key,
        rolled_up.as_of_date,
        rolled_up.hospital_key,
        rolled_up.hospital_name,
        rolled_up.payer_group,
        rolled_up.split,
        cast(rolled_up.numerator as decimal(18, 2)) as numerator,
        cast(rolled_up.denominator as decimal(18, 2)) as denominator,
        {{ kpi_value('contracts.unit', 'rolled_up.numerator', 'rolled_up.denominator') }} as kpi_value
    from rolled_up
    inner join contracts on rolled_up.kpi_name = contracts.kpi_name
)

select * from final
