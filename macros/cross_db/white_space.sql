{#
    SQL of the characters of Unicode that separate, those that have no width after them: characters(), and how many
    separate: separators(). The ones that end a line would not survive Jinja's indent inside a literal.
#}
{% macro characters() %}
    {{- adapter.dispatch('characters')() -}}
{% endmacro %}

{% macro separators() %}
    {{ return([
        9, 10, 11, 12, 13, 28, 29, 30, 31, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201,
        8202, 8232, 8233, 8239, 8287, 12288
    ]) }}
{% endmacro %}

{% macro without_width() %}
    {{ return([173, 6158, 8203, 8204, 8205, 8206, 8207, 8288, 65279]) }}
{% endmacro %}

{# Spark reads \uXXXX in a literal. The digits are picked by hand, because dbt 2.x formats no number as hexadecimal. #}
{% macro default__characters() -%}
    {%- set digits = '0123456789abcdef' -%}
    '{% for code in separators() + without_width() -%}
    \u{% for place in [4096, 256, 16, 1] %}{{ digits[code // place % 16] }}{% endfor %}
    {%- endfor %}'
{%- endmacro %}

{% macro duckdb__characters() -%}
    (
    {%- for code in separators() + without_width() %}{{ ' || ' if not loop.first }}chr({{ code }}){% endfor -%}
    )
{%- endmacro %}
