-- The value of every KPI that rolls up, as of every month: over its contract's window and of each month by itself, per
-- hospital and for all of them, per payer group and for all of them. Ratios are sums over sums, never averages. What
-- has no value says why; a value of all hospitals says whose it is, each as of which day (kpi_group_members).
{% set kept = [
    'kpi_name', 'kpi_window', 'month_key', 'counts_from_month_key', 'as_of_date', 'hospital_key', 'hospital_name',
    'payer_group', 'split', 'numerator', 'denominator', 'kpi_value', 'unknown_reason', 'members', 'left_out'
] -%}

with

contracts as (
    select
        kpi_name,
        unit,
        kpi_window,
        feed,
        if_empty,
        is_share_of_whole
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
        sum(denominator) as denominator,
        max(unknown_reason) as unknown_reason
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
        sum(denominator) as denominator,
        max(unknown_reason) as unknown_reason
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
        sum(sliced.denominator) as denominator,
        max(sliced.unknown_reason) as unknown_reason
    from sliced
    inner join contracts on sliced.kpi_name = contracts.kpi_name
    inner join windows
        on
            contracts.kpi_window = windows.kpi_window
            and sliced.hospital_key = windows.hospital_key
            and sliced.month_key >= windows.first_month_key
            and sliced.month_key <= windows.last_month_key
    group by
        sliced.kpi_name, contracts.kpi_window, windows.month_key, windows.as_of_date, sliced.hospital_key,
        sliced.payer_group, sliced.split
),

-- A KPI without a row is not known, which is news: it stands in every month of the hospital's ledger.
absent as (
    select
        contracts.kpi_name,
        contracts.kpi_window,
        windows.month_key,
        windows.as_of_date,
        windows.hospital_key,
        case when not windows.is_reached then 'no month is old enough yet' end as unknown_reason
    from contracts
    inner join windows on contracts.kpi_window = windows.kpi_window
    left join windowed
        on
            contracts.kpi_name = windowed.kpi_name
            and windows.hospital_key = windowed.hospital_key
            and windows.month_key = windowed.month_key
    where windowed.kpi_name is null
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
    where contracts.kpi_window <> 'month'
    group by sliced.kpi_name, sliced.hospital_key, sliced.month_key
),

of_hospitals as (
    select * from windowed

    union all

    select
        kpi_name,
        kpi_window,
        month_key,
        month_key as counts_from_month_key,
        as_of_date,
        hospital_key,
        'All payer groups' as payer_group,
        cast(null as string) as split,
        cast(null as decimal(18, 2)) as numerator,
        cast(null as decimal(18, 2)) as denominator,
        unknown_reason
    from absent

    union all

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
        sliced.denominator,
        sliced.unknown_reason
    from sliced
    inner join reached
        on
            sliced.kpi_name = reached.kpi_name
            and sliced.hospital_key = reached.hospital_key
            and sliced.month_key = reached.month_key
    left join {{ ref('dim_ledger_month') }} as months
        on sliced.hospital_key = months.hospital_key and sliced.month_key = months.month_key
),

valued as (
    select
        of_hospitals.*,
        hospitals.hospital_name,
        contracts.feed,
        contracts.if_empty,
        of_hospitals.kpi_window <> contracts.kpi_window as is_month_by_itself,
        {{ kpi_value('contracts.unit', 'of_hospitals.numerator', 'of_hospitals.denominator') }} as kpi_value
    from of_hospitals
    inner join contracts on of_hospitals.kpi_name = contracts.kpi_name
    inner join {{ ref('dim_hospital') }} as hospitals on of_hospitals.hospital_key = hospitals.hospital_key
),

explained as (
    select
        valued.kpi_name,
        valued.kpi_window,
        valued.month_key,
        valued.counts_from_month_key,
        valued.as_of_date,
        valued.hospital_key,
        valued.hospital_name,
        valued.payer_group,
        valued.split,
        valued.numerator,
        valued.denominator,
        valued.kpi_value,
        valued.is_month_by_itself,
        cast(null as string) as left_out,
        case
            when valued.kpi_value is not null then null
            when valued.feed is not null and feeds.hospital_key is null then concat('needs ', valued.feed)
            else coalesce(valued.unknown_reason, valued.if_empty)
        end as unknown_reason
    from valued
    left join {{ ref('kpi_feeds') }} as feeds
        on valued.hospital_key = feeds.hospital_key and valued.feed = feeds.feed
),

-- Which month of which hospital stands in a value of all of them: over a contract's window the hospital's own last
-- complete month, of a month by itself that month.
candidates as (
    select
        contracts.kpi_name,
        contracts.kpi_window,
        members.month_key,
        members.hospital_key,
        members.hospital_name,
        members.member_month_key,
        members.as_of_date,
        members.is_member,
        members.left_out_reason
    from contracts
    cross join {{ ref('kpi_group_members') }} as members

    union all

    select distinct
        kpi_name,
        kpi_window,
        month_key,
        hospital_key,
        hospital_name,
        month_key as member_month_key,
        as_of_date,
        true as is_member,
        cast(null as string) as left_out_reason
    from explained
    where is_month_by_itself
),

-- A hospital counts in a KPI that it has a value of: its numerator without a denominator would distort the others'.
judged as (
    select
        candidates.kpi_name,
        candidates.kpi_window,
        candidates.month_key,
        candidates.hospital_key,
        candidates.hospital_name,
        candidates.member_month_key,
        candidates.as_of_date,
        candidates.is_member,
        candidates.is_member and count(explained.kpi_value) > 0 as is_counted,
        coalesce(candidates.left_out_reason, max(explained.unknown_reason)) as reason
    from candidates
    left join explained
        on
            candidates.kpi_name = explained.kpi_name
            and candidates.kpi_window = explained.kpi_window
            and candidates.hospital_key = explained.hospital_key
            and candidates.member_month_key = explained.month_key
            and explained.payer_group = 'All payer groups'
    group by
        candidates.kpi_name, candidates.kpi_window, candidates.month_key, candidates.hospital_key,
        candidates.hospital_name, candidates.member_month_key, candidates.as_of_date, candidates.is_member,
        candidates.left_out_reason
),

named as (
    select
        *,
        case
            when as_of_date is null then hospital_name
            else concat(hospital_name, ' (', cast(as_of_date as string), ')')
        end as dated_name,
        case when is_counted then as_of_date end as counted_as_of_date,
        case when is_member then as_of_date end as member_as_of_date,
        case when not is_counted then reason end as left_out_reason,
        case when is_member and not is_counted then reason end as member_reason
    from judged
),

listed as (
    select
        *,
        case when is_counted then dated_name end as member_name,
        case when not is_counted then concat(dated_name, ': ', coalesce(left_out_reason, 'no value')) end
            as left_out_name
    from named
),

groups as (
    select
        kpi_name,
        kpi_window,
        month_key,
        coalesce(min(counted_as_of_date), min(member_as_of_date)) as as_of_date,
        nullif({{ ordered_listagg('member_name', ', ', 'hospital_name') }}, '') as members,
        nullif({{ ordered_listagg('left_out_name', ', ', 'hospital_name') }}, '') as left_out,
        coalesce(min(member_reason), min(left_out_reason)) as unknown_reason
    from listed
    group by kpi_name, kpi_window, month_key
),

counted as (
    select
        judged.kpi_name,
        judged.kpi_window,
        judged.month_key,
        explained.hospital_key,
        explained.counts_from_month_key,
        explained.payer_group,
        explained.split,
        explained.numerator,
        explained.denominator
    from judged
    inner join explained
        on
            judged.kpi_name = explained.kpi_name
            and judged.kpi_window = explained.kpi_window
            and judged.hospital_key = explained.hospital_key
            and judged.member_month_key = explained.month_key
    where judged.is_counted
),

summed as (
    select
        kpi_name,
        kpi_window,
        month_key,
        greatest(month_key, max(counts_from_month_key)) as counts_from_month_key,
        payer_group,
        split,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from counted
    group by kpi_name, kpi_window, month_key, payer_group, split

    union all

    select
        kpi_name,
        kpi_window,
        month_key,
        month_key as counts_from_month_key,
        'All payer groups' as payer_group,
        cast(null as string) as split,
        cast(null as decimal(18, 2)) as numerator,
        cast(null as decimal(18, 2)) as denominator
    from groups
    where members is null
),

-- Shares of one whole are of the whole of every hospital, also of one that has no such part.
wholes as (
    select
        kpi_name,
        kpi_window,
        month_key,
        sum(denominator) as denominator
    from (
        select
            kpi_name,
            kpi_window,
            month_key,
            hospital_key,
            max(denominator) as denominator
        from counted
        where payer_group = 'All payer groups'
        group by kpi_name, kpi_window, month_key, hospital_key
    ) as of_each_hospital
    group by kpi_name, kpi_window, month_key
),

of_all as (
    select
        summed.kpi_name,
        summed.kpi_window,
        summed.month_key,
        summed.counts_from_month_key,
        groups.as_of_date,
        summed.payer_group,
        summed.split,
        summed.numerator,
        groups.members,
        groups.left_out,
        groups.unknown_reason as group_reason,
        contracts.unit,
        contracts.if_empty,
        cast(null as string) as hospital_key,
        'All hospitals' as hospital_name,
        case when contracts.is_share_of_whole then wholes.denominator else summed.denominator end as denominator
    from summed
    inner join contracts on summed.kpi_name = contracts.kpi_name
    inner join groups
        on
            summed.kpi_name = groups.kpi_name
            and summed.kpi_window = groups.kpi_window
            and summed.month_key = groups.month_key
    left join wholes
        on
            summed.kpi_name = wholes.kpi_name
            and summed.kpi_window = wholes.kpi_window
            and summed.month_key = wholes.month_key
),

valued_of_all as (
    select
        *,
        {{ kpi_value('unit', 'numerator', 'denominator') }} as kpi_value
    from of_all
),

explained_of_all as (
    select
        *,
        case
            when kpi_value is null then coalesce(case when members is null then group_reason end, if_empty)
        end as unknown_reason
    from valued_of_all
),

of_one as (
    select
        *,
        case
            when kpi_value is not null and as_of_date is null then hospital_name
            when kpi_value is not null then concat(hospital_name, ' (', cast(as_of_date as string), ')')
        end as members
    from explained
),

rolled_up as (
    {% for part in ['of_one', 'explained_of_all'] -%}
    select
        {{ kept | join(',\n        ') }}
    from {{ part }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

final as (
    select
        {{ generate_surrogate_key([
            'kpi_name', 'kpi_window', 'month_key', 'hospital_name', 'payer_group', 'split'
        ]) }} as kpi_value_key,
        kpi_name,
        kpi_window,
        month_key,
        counts_from_month_key,
        as_of_date,
        hospital_key,
        hospital_name,
        payer_group,
        split,
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator,
        kpi_value,
        unknown_reason,
        members,
        left_out
    from rolled_up
)

select * from final
