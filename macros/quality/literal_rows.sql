{# A select of rows known when dbt compiles: texts, numbers, true, false and none. The reader casts what is not text. #}
{% macro literal_rows(columns, rows) -%}
{%- set written = [] -%}
{%- for row in rows -%}
    {%- set values = [] -%}
    {%- for value in row -%}
        {%- if value is none -%}{%- do values.append('null') -%}
        {#- A dispatched macro per value would take a second; few texts have a quote. -#}
        {%- elif value is string and "'" in value -%}
            {%- do values.append("'" ~ dbt.escape_single_quotes(value) ~ "'") -%}
        {%- elif value is string -%}{%- do values.append("'" ~ value ~ "'") -%}
        {%- else -%}{%- do values.append((value | string) | lower) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do written.append('(' ~ values | join(', ') ~ ')') -%}
{%- endfor -%}
{%- if written -%}
select * from (
    values
    {{ written | join(',\n    ') }}
) as literal_rows ({{ columns | join(', ') }})
{%- else -%}
select cast(null as string) as {{ columns | join(', cast(null as string) as ') }} where false
{%- endif -%}
{%- endmacro %}
