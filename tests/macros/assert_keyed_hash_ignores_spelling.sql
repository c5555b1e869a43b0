-- Two hospitals write the same number differently; a person must not become two, nor all without a number one.
with

numbers as (
    select
        '123-45-6789' as written,
        '123456789' as meant
    union all
    select
        '123 45 6789' as written,
        '123456789' as meant
    union all
    select
        '123.45.6789' as written,
        '123456789' as meant
    union all
    select
        '12345678' as written,
        cast(null as string) as meant
    union all
    select
        '123-45-678X' as written,
        cast(null as string) as meant
    union all
    select
        '999-99-9999' as written,
        cast(null as string) as meant
    union all
    select
        cast(null as string) as written,
        cast(null as string) as meant
),

hashed as (
    select
        written,
        {{ keyed_hash_of('written', {'digits': 9}) }} as made,
        {{ keyed_hash('meant') }} as expected
    from numbers
)

select written
from hashed
where made is distinct from expected
