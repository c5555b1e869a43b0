{#
    One mapped column: a source column or SQL expression, cleaned and cast to its CDM type. Text is trimmed and ''
    becomes NULL; a word list (accepted_words of the CDM column) is translated; a value that cannot be cast becomes NULL
    and its column is listed in _unparsed_columns by is_unparsed().
#}
{% macro typed(expression, column, dialect) -%}
    {%- set text = "nullif(trim(cast(" ~ expression ~ " as string)), '')" -%}
    {%- set values = accepted_words(column) -%}
    {%- if expression is none -%}
        cast(null as {{ column.data_type }})
    {%- elif values -%}
        {{ canonical_word(text, words_of(dialect, column)) }}
    {%- elif column.config.meta.get('keyed_hash') -%}
        {{ keyed_hash_of(text, column.config.meta.keyed_hash) }}
    {%- elif column.data_type == 'string' -%}
        {{ text }}
    {%- elif dialect.date_format and column.data_type == 'date' -%}
        {{ try_to_date(text, dialect.date_format[0]) }}
    {%- else -%}
        try_cast({{ expression }} as {{ column.data_type }})
    {%- endif -%}
{%- endmacro %}

{#
    An amount wide enough for the sums of rules: two amounts of 18 digits overflow their own type, and one row would stop
    the staging of every source.
#}
{% macro widened(expression, column) -%}
    {{ 'cast(' ~ expression ~ ' as decimal(28,2))' if is_money(column) else expression }}
{%- endmacro %}

{% macro is_money(column) %}{{ return(column.data_type == 'decimal(18,2)') }}{% endmacro %}

{# The words of each value of a column: a list of its own (meta.values), or those of the event types, declared once. #}
{% macro accepted_words(column) %}
    {% set values = column.config.meta.get('values') %}
    {{ return(event_type_words() if values == 'event_types' else values) }}
{% endmacro %}

{# A source column that has the type already is not checked; all else may not fit it. #}
{% macro can_be_unparsed(expression, column, source_columns) -%}
    {%- set declared = source_columns[expression].data_type if expression in source_columns else 'string' -%}
    {{ return(expression is not none and column.data_type != 'string' and declared != column.data_type) }}
{%- endmacro %}
