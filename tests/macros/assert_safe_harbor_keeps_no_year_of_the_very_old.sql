-- Whoever turns 90 this year, on whichever day, has no year of birth in silver_deid: 45 CFR 164.514(b)(2)(i)(C).
with

births as (
    select
        cast({{ dbt.dateadd('year', -89, 'current_date') }} as date) as birth_date,
        true as is_kept
    union all
    select
        cast({{ dbt.dateadd('year', -90, 'current_date') }} as date) as birth_date,
        false as is_kept
    union all
    select
        date '1899-12-31' as birth_date,
        false as is_kept
    union all
    select
        cast(null as date) as birth_date,
        false as is_kept
),

shown as (
    select
        is_kept,
        {{ birth_year_below_90('birth_date') }} as birth_year
    from births
)

select is_kept
from shown
where (birth_year is not null) <> is_kept
