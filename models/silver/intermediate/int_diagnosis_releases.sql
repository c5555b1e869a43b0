-- The releases of the diagnosis codes, each with the days it is the release of. A release of ICD-10-CM holds until the
-- next one, at most to the end of its fiscal year unless none is newer; the first that is loaded of a fiscal year
-- stands for the year from its beginning. A release that names no days holds on all that no other one claims.
with

releases as (
    select
        release,
        max(valid_from) as valid_from,
        max(valid_to) as valid_to
    from {{ ref('cdm_diagnoses') }}
    group by release
),

in_order as (
    select
        release,
        valid_from,
        valid_to,
        lag(valid_to) over (order by valid_from nulls first, release nulls first) as previous_valid_to,
        row_number() over (order by valid_from desc nulls last, release desc nulls last) as age
    from releases
),

bounded as (
    select
        release,
        case
            when valid_from is null then cast({{ open_start() }} as date)
            when valid_to is null or previous_valid_to = valid_to then valid_from
            -- Of the twelve months that end with the release, no earlier one is loaded.
            else least(valid_from, cast({{ dbt.dateadd('month', -12, dbt.dateadd('day', 1, 'valid_to')) }} as date))
        end as first_day,
        valid_to,
        age
    from in_order
),

tiled as (
    select
        release,
        first_day,
        case
            when age = 1 then cast({{ open_end() }} as date)
            else least(day_after, next_first_day)
        end as first_day_after
    from (
        select
            *,
            coalesce(cast({{ dbt.dateadd('day', 1, 'valid_to') }} as date), cast({{ open_end() }} as date))
                as day_after,
            lead(first_day) over (order by age desc) as next_first_day
        from bounded
    ) as followed
),

final as (
    select
        release,
        first_day as valid_from,
        first_day_after as valid_to
    from tiled
    where first_day < first_day_after
)

select * from final
