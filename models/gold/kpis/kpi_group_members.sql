-- Who counts in a number of all hospitals as of a month, and as of when: each as of its own last complete month, so
-- that a slow hospital does not hold back the others, and none that is too far behind them.
with

hospitals as (
    select
        hospital_key,
        hospital_name
    from {{ ref('dim_hospital') }}
    where hospital_key not in ('-1', '-2')
),

months as (
    select distinct month_key
    from {{ ref('dim_ledger_month') }}
),

stands as (
    select
        months.month_key,
        ledger.hospital_key,
        -- Of a hospital without a complete month, the month that runs.
        coalesce(max(case when ledger.is_complete then ledger.month_key end), max(ledger.month_key))
            as member_month_key
    from months
    inner join {{ ref('dim_ledger_month') }} as ledger on months.month_key >= ledger.month_key
    group by months.month_key, ledger.hospital_key
),

dated as (
    select
        stands.month_key,
        stands.hospital_key,
        stands.member_month_key,
        ledger.as_of_date,
        max(ledger.as_of_date) over (partition by stands.month_key) as newest_as_of_date,
        max(stands.member_month_key) over () as last_month_key
    from stands
    inner join {{ ref('dim_ledger_month') }} as ledger
        on stands.hospital_key = ledger.hospital_key and stands.member_month_key = ledger.month_key
),

behind as (
    select
        *,
        cast({{ dbt.datediff('as_of_date', 'newest_as_of_date', 'day') }} as bigint) as days_behind
    from dated
),

-- A hospital whose ledger begins later is not missing yet; one without any ledger is missing always.
without_ledger as (
    select hospital_key from hospitals
    except
    select hospital_key from {{ ref('dim_ledger_month') }}
),

last_months as (
    select distinct
        month_key,
        last_month_key
    from behind
),

joined as (
    select
        month_key,
        hospital_key,
        member_month_key,
        as_of_date,
        days_behind,
        month_key = last_month_key as is_reported,
        days_behind <= {{ var('days_late') }} as is_member,
        case when days_behind > {{ var('days_late') }} then concat(cast(days_behind as string), ' days behind') end
            as left_out_reason
    from behind

    union all

    select
        last_months.month_key,
        without_ledger.hospital_key,
        cast(null as bigint) as member_month_key,
        cast(null as date) as as_of_date,
        cast(null as bigint) as days_behind,
        last_months.month_key = last_months.last_month_key as is_reported,
        false as is_member,
        'no ledger' as left_out_reason
    from last_months
    cross join without_ledger
),

final as (
    select
        {{ generate_surrogate_key(['joined.month_key', 'joined.hospital_key']) }} as group_member_key,
        joined.month_key,
        joined.hospital_key,
        hospitals.hospital_name,
        joined.member_month_key,
        joined.as_of_date,
        joined.days_behind,
        joined.is_reported,
        joined.is_member,
        joined.left_out_reason
    from joined
    inner join hospitals on joined.hospital_key = hospitals.hospital_key
)

select * from final
