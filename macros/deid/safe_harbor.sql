{#
    The first three digits of a ZIP code; 000 for the 17 areas of 20,000 people or fewer in the 2000 census, as the
    guidance to 45 CFR 164.514(b)(2)(i)(B) lists them. NULL where it is not a ZIP code.
#}
{% macro zip3(postal_code) -%}
    case
        when not {{ matches_pattern(postal_code, '^[0-9]{5}') }} then null
        when substr({{ postal_code }}, 1, 3) in (
            '036', '059', '063', '102', '203', '556', '692', '790', '821', '823', '830', '831', '878', '879', '884',
            '890', '893'
        ) then '000'
        else substr({{ postal_code }}, 1, 3)
    end
{%- endmacro %}

{# The year of a birth; NULL from the year on in which the person turns 90, on whichever day that is. #}
{% macro birth_year_below_90(birth_date) -%}
    case
        when year(current_date) - year({{ birth_date }}) between 0 and 89 then cast(year({{ birth_date }}) as bigint)
    end
{%- endmacro %}

{# A text only if it has a shape that no name, personal number or remark can have; else NULL. #}
{% macro only_of_shape(expression, pattern) -%}
    case when {{ matches_pattern(expression, pattern) }} then {{ expression }} end
{%- endmacro %}

{# A hospital's own word only if it is in a closed list, in lower case; 'other' for every other text. #}
{% macro only_of_list(expression, words) -%}
    case
        when lower({{ expression }}) in ('{{ words | join("', '") }}') then lower({{ expression }})
        when {{ expression }} is not null then 'other'
    end
{%- endmacro %}

{# Surrogate ids of one kind of record: record_key and surrogate_id. #}
{% macro deid_surrogates(entity) -%}
    select
        record_key,
        surrogate_id
    from {{ ref('deid_crosswalk') }}
    where entity = '{{ entity }}'
{%- endmacro %}
