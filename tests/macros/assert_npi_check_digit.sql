-- A wrong check digit routine would send valid providers to the unknown member, or bill under numbers no payer knows.
with

examples as (
    select
        '1234567893' as npi,
        true as is_valid
    union all
    select
        '1993999998' as npi,
        true as is_valid
    union all
    select
        '1234567890' as npi,
        false as is_valid
    union all
    select
        '3234567893' as npi,
        false as is_valid
    union all
    select
        '123456789' as npi,
        false as is_valid
    union all
    select
        'ABCDEFGHIJ' as npi,
        false as is_valid
)

select *
from examples
where coalesce({{ npi_is_invalid('npi') }}, true) = is_valid
