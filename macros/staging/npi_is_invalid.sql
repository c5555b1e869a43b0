{# True where the text is not ten digits that start with 1 or 2, or fails the Luhn check over '80840' + NPI (CMS). #}
{% macro npi_is_invalid(npi) -%}
    not {{ matches_pattern(npi, '^[12][0-9]{9}$') }} or {{ luhn_sum_of_npi(npi) }} % 10 <> 0
{%- endmacro %}

{# The prefix 80840 adds the constant 24; counted from the left, the digits at odd places are doubled. #}
{% macro luhn_sum_of_npi(npi) -%}
    (24
    {%- for position in range(1, 11) %}
    {%- set digit = "try_cast(substr(" ~ npi ~ ", " ~ position ~ ", 1) as bigint)" %}
    {%- if position % 2 == 1 %}
     + case when {{ digit }} > 4 then 2 * {{ digit }} - 9 else 2 * {{ digit }} end
    {%- else %}
     + {{ digit }}
    {%- endif %}
    {%- endfor %})
{%- endmacro %}
