-- Invariant 11 for published values. A hospital or payer group that a total omits is money nobody looks for; a month
-- too many in a window hides the month in which a rate broke; a hospital counted as of another day than it says makes
-- the group larger than its parts.
with

-- From the measures, month by month, without the way kpi_values takes: a sum per window of month numbers.
expected_of_hospitals as (
    select
        measures.kpi_name,
        windows.hospital_key,
        windows.month_key,
        sum(measures.numerator) as numerator,
        sum(measures.denominator) as denominator
    from {{ ref('kpi_measures') }} as measures
    inner join {{ ref('kpi_contracts') }} as contracts on measures.kpi_name = contracts.kpi_name
    inner join {{ ref('kpi_windows') }} as windows
        on measures.hospital_key = windows.hospital_key and contracts.kpi_window = windows.kpi_window
    where measures.month_key between windows.first_month_key and windows.last_month_key
    group by measures.kpi_name, windows.hospital_key, windows.month_key
),

shown as (
    select
        kpi_values.kpi_name,
        kpi_values.hospital_key,
        kpi_values.month_key,
        kpi_values.numerator,
        kpi_values.denominator,
        kpi_values.kpi_value,
        kpi_values.unknown_reason,
        kpi_values.payer_group = 'All payer groups' as is_of_all_groups
    from {{ ref('kpi_values') }} as kpi_values
    inner join {{ ref('kpi_contracts') }} as contracts
        on kpi_values.kpi_name = contracts.kpi_name and kpi_values.kpi_window = contracts.kpi_window
),

shown_of_hospitals as (
    select
        kpi_name,
        hospital_key,
        month_key,
        is_of_all_groups,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(kpi_value) > 0 as has_value
    from shown
    where hospital_key is not null
    group by kpi_name, hospital_key, month_key, is_of_all_groups
),

hospitals as (
    select
        shown_of_hospitals.kpi_name,
        shown_of_hospitals.month_key,
        'a hospital' as whole,
        shown_of_hospitals.numerator,
        shown_of_hospitals.denominator,
        expected_of_hospitals.numerator as expected_numerator,
        expected_of_hospitals.denominator as expected_denominator
    from expected_of_hospitals
    full outer join shown_of_hospitals
        on
            expected_of_hospitals.kpi_name = shown_of_hospitals.kpi_name
            and expected_of_hospitals.hospital_key = shown_of_hospitals.hospital_key
            and expected_of_hospitals.month_key = shown_of_hospitals.month_key
),

counted as (
    select
        kpi_name,
        hospital_key,
        month_key
    from shown_of_hospitals
    where is_of_all_groups and has_value
),

expected_of_groups as (
    select
        of_members.kpi_name,
        members.month_key,
        of_members.is_of_all_groups,
        sum(of_members.numerator) as numerator,
        sum(of_members.denominator) as denominator
    from {{ ref('kpi_group_members') }} as members
    inner join shown_of_hospitals as of_members
        on members.hospital_key = of_members.hospital_key and members.member_month_key = of_members.month_key
    inner join counted
        on
            of_members.kpi_name = counted.kpi_name
            and of_members.hospital_key = counted.hospital_key
            and of_members.month_key = counted.month_key
    where members.is_member
    group by of_members.kpi_name, members.month_key, of_members.is_of_all_groups
),

shown_of_groups as (
    select
        shown.kpi_name,
        shown.month_key,
        shown.is_of_all_groups,
        sum(shown.numerator) as numerator,
        -- Of shares of one whole, each part has all of it.
        case when contracts.is_share_of_whole then null else sum(shown.denominator) end as denominator
    from shown
    inner join {{ ref('kpi_contracts') }} as contracts on shown.kpi_name = contracts.kpi_name
    where shown.hospital_key is null
    group by shown.kpi_name, shown.month_key, shown.is_of_all_groups, contracts.is_share_of_whole
),

groups as (
    select
        coalesce(shown_of_groups.kpi_name, expected_of_groups.kpi_name) as kpi_name,
        coalesce(shown_of_groups.month_key, expected_of_groups.month_key) as month_key,
        'all hospitals' as whole,
        shown_of_groups.numerator,
        shown_of_groups.denominator,
        expected_of_groups.numerator as expected_numerator,
        case when shown_of_groups.denominator is not null then expected_of_groups.denominator end
            as expected_denominator
    from expected_of_groups
    full outer join shown_of_groups
        on
            expected_of_groups.kpi_name = shown_of_groups.kpi_name
            and expected_of_groups.month_key = shown_of_groups.month_key
            and expected_of_groups.is_of_all_groups = shown_of_groups.is_of_all_groups
),

-- What is a share of one whole adds up to it, whoever lacks a part; rounding of each to the fourth place aside.
shares as (
    select
        shown.kpi_name,
        shown.month_key,
        'shares' as whole,
        cast(round(sum(shown.kpi_value), 1) as decimal(18, 2)) as numerator,
        cast(null as decimal(18, 2)) as denominator,
        cast(100 as decimal(18, 2)) as expected_numerator,
        cast(null as decimal(18, 2)) as expected_denominator
    from shown
    inner join {{ ref('kpi_contracts') }} as contracts on shown.kpi_name = contracts.kpi_name
    where contracts.is_share_of_whole and shown.is_of_all_groups and shown.kpi_value is not null
    group by shown.kpi_name, shown.month_key, shown.hospital_key
),

unexplained as (
    select
        kpi_name,
        month_key,
        'a value or a reason' as whole,
        numerator,
        denominator,
        cast(null as decimal(18, 2)) as expected_numerator,
        cast(null as decimal(18, 2)) as expected_denominator
    from shown
    where (kpi_value is null) <> (unknown_reason is not null)
),

checks as (
    select * from hospitals
    union all
    select * from groups
    union all
    select * from shares
)

select *
from checks
where numerator is distinct from expected_numerator or denominator is distinct from expected_denominator

union all

select * from unexplained
