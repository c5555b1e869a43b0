{#
    The first three digits of a ZIP code; 000 for the areas of 20,000 people or fewer: the 17 of the 2000 census that
    the guidance to 45 CFR 164.514(b)(2)(i)(B) lists, and those that later censuses add (205, 369, 753, 772). The rule
    names the current census, so an area that was small in any of them stays hidden. NULL where it is not a ZIP code.
#}
{% macro zip3(postal_code) -%}
    case
        when not {{ matches_pattern(postal_code, '^[0-9]{5}') }} then null
        when substr({{ postal_code }}, 1, 3) in (
            '036', '059', '063', '102', '203', '205', '369', '556', '692', '753', '772', '790', '821', '823', '830',
            '831', '878', '879', '884', '890', '893'
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

{# A text only if it is a code of one of these systems (vars.code_systems); a name of five letters is none. #}
{% macro only_of_code_systems(expression, systems) -%}
    {%- set shapes = [] -%}
    {%- for system in systems -%}{%- do shapes.extend(var('code_systems')[system]) -%}{%- endfor -%}
    {{ only_of_shape(expression, shapes | join('|')) }}
{%- endmacro %}

{# A hospital's own word only if it is in a closed list (vars.visit_kinds), as it is written; else 'Other'. #}
{% macro only_of_visit_kinds(expression) -%}
    case
        when lower({{ expression }}) in ('{{ var('visit_kinds') | join("', '") }}') then {{ expression }}
        when {{ expression }} is not null then 'Other'
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
