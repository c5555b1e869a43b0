{#
    Text in a number format to a decimal, rounded half up; NULL where it is none. A currency sign, a sign before or
    behind and parentheses for a negative amount are read; groups of thousands must be whole. The load reads amounts by
    the same grammar: ingestion/declared/amounts.py.
#}
{% macro read_amount(text, number_format, data_type) -%}
    {%- set thousands, point = signs_of(number_format) -%}
    {%- set whole = '([0-9]{1,3}([' ~ thousands ~ '][0-9]{3})+|[0-9]+)' if thousands else '[0-9]+' -%}
    {%- set body = '(' ~ whole ~ '([' ~ point ~ '][0-9]*)?|[' ~ point ~ '][0-9]+)' -%}
    {%- set money = '([$\u20ac\u00a3]|USD|EUR|GBP|CHF)' -%}
    {%- set amount = '(' ~ money ~ '[ ]?)?' ~ body ~ '([ ]?' ~ money ~ ')?' -%}
    {%- set minus = '[-\u2212]' -%}
    {%- set shape = '^([+\u2212-]?[ ]?' ~ amount ~ '|' ~ money ~ '[ ]?' ~ minus ~ body ~ '|' ~ amount ~ '[ ]?' ~ minus
        ~ '|[(]' ~ amount ~ '[)])$' -%}
    {%- set marks = escaped_text('+-\u2212() $\u20ac\u00a3USDEURGBPCHF' ~ thousands) -%}
    {%- set digits = 'translate(' ~ text ~ ", '" ~ marks ~ "', '')" -%}
    case
        when {{ matches_pattern(text, '^-?[0-9]+' ~ ('([.][0-9]*)?' if point == '.' else '') ~ '$') }}
            then try_cast({{ text }} as {{ data_type }})
        when {{ matches_pattern(text, escaped_text(shape)) }}
            then try_cast(concat(
                case when {{ matches_pattern(text, '[-(\u2212]') }} then '-' else '' end,
                {{ "replace(" ~ digits ~ ", ',', '.')" if point == ',' else digits }}
            ) as {{ data_type }})
    end
{%- endmacro %}

{# The same with all its digits, for the few amounts that have more than two decimals; NULL for the others. #}
{% macro read_long_amount(text, number_format) -%}
    case
        when {{ matches_pattern(text, '[' ~ signs_of(number_format)[1] ~ '][0-9]{3}') }}
            then {{ read_amount(text, number_format, 'decimal(38, 10)') }}
    end
{%- endmacro %}

{# What a number format has between thousands and before cents. #}
{% macro signs_of(number_format) %}
    {{ return({
        '1,234.56': (',', '.'),
        '1.234,56': ('.', ','),
        '1 234,56': (' ', ','),
        "1'234.56": ("'\u2019", '.'),
        'plain': ('', '.'),
    }[number_format or '1,234.56']) }}
{% endmacro %}
