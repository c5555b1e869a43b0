{#
    Columns of a source, read in its dialect in steps (mapped_source): value_text cleans the text of a value, read_value
    takes the value out of it, and finished_value makes it the column of the common data model. What cannot be read is
    NULL after read_value, and its column is listed in _unparsed_columns.
#}

{# A value out of its text or its bronze column. Amounts are rounded half up; long_amount has the digits they lose. #}
{% macro read_value(column, dialect, system, entity) -%}
    {%- set text = '_text_' ~ column.name -%}
    {%- set values = accepted_words(column) -%}
    {%- if column.expression is none -%}
        cast(null as {{ column.data_type }})
    {%- elif column.is_key -%}
        {{ compared_key('_key_' ~ column.name, column, system, entity) }}
    {%- elif values -%}
        {{ canonical_word(text, words_of(dialect, column)) }}
    {%- elif column.config.meta.get('keyed_hash') -%}
        {{ keyed_hash_of(text, column.config.meta.keyed_hash) }}
    {%- elif column.data_type == 'string' -%}
        {{ text }}
    {%- elif column.data_type == 'date' and column.source_type == 'timestamp' -%}
        {{ day_of_moment(column.expression, dialect.hospital_zone) }}
    {%- elif column.data_type == 'timestamp' and column.source_type == 'date' -%}
        {{ start_of_day(column.expression, dialect.hospital_zone) }}
    {%- elif column.source_type != 'string' -%}
        try_cast({{ column.expression }} as {{ column.data_type }})
    {%- elif column.data_type == 'date' -%}
        {{ read_date(text, dialect, is_birth(column)) }}
    {%- elif column.data_type == 'timestamp' -%}
        {{ read_timestamp(text, dialect, is_birth(column)) }}
    {%- elif column.data_type.startswith('decimal') -%}
        {{ read_amount(text, dialect.number_format, column.data_type) }}
    {%- elif column.data_type == 'bigint' -%}
        case when {{ matches_pattern(text, '^[-+]?[0-9]+$') }} then try_cast({{ text }} as bigint) end
    {%- else -%}
        case
            when lower({{ text }}) in ('true', 't', 'yes', 'y', '1') then true
            when lower({{ text }}) in ('false', 'f', 'no', 'n', '0') then false
        end
    {%- endif -%}
{%- endmacro %}

{#
    An amount wide enough for the sums of rules: two amounts of 18 digits overflow their own type, and one row would
    stop the staging of every source.
#}
{% macro widened(expression, column) -%}
    {{ 'cast(' ~ expression ~ ' as decimal(28,2))' if is_money(column) else expression }}
{%- endmacro %}

{% macro is_money(column) %}{{ return(column.data_type == 'decimal(18,2)') }}{% endmacro %}

{#
    The value of the common data model: a sentinel, and a date that is unknown because it cannot be true, become NULL.
#}
{% macro finished_value(column, dialect, system, entity) -%}
    {%- set is_unknown = column.is_dated and date_is_unknown(column.name, system, entity) -%}
    {%- if column.expression is not none and column.data_type in ['date', 'timestamp']
        and (sentinels(dialect) or is_unknown) -%}
        case
            {%- if sentinels(dialect) %}
            when {{ day_of_value(column, dialect) }} in ({{ sentinels(dialect) }}) then null
            {%- endif %}
            {%- if is_unknown %}
            when _is_untrue_{{ column.name }} then {{ '_ingested_at' if column.name == 'modified_at' else 'null' }}
            {%- endif %}
            else {{ column.name }}
        end
    {%- else -%}
        {{ widened(column.name, column) }}
    {%- endif -%}
{%- endmacro %}

{# All steps in one expression, for an amount. #}
{% macro amount_of(system, entity, column_name) -%}
    {%- set node = bronze_node(system, entity) -%}
    {%- set expression = node.config.meta.map.get(column_name) -%}
    {%- if expression is none -%}
        cast(null as decimal(18, 2))
    {%- elif source_type(expression, node.columns) != 'string' -%}
        try_cast({{ expression }} as decimal(18, 2))
    {%- else -%}
        {%- set dialect = dialect_of(system, entity) -%}
        {%- set text = value_text(expression, {'name': column_name, 'data_type': 'decimal(18,2)'}, dialect) -%}
        {{ read_amount(text, dialect.number_format, 'decimal(18, 2)') }}
    {%- endif -%}
{%- endmacro %}

{# The text of a value: trimmed, and NULL where it is empty or a word for "no value". #}
{% macro value_text(expression, column, dialect) -%}
    {%- if column.data_type == 'string' -%}
        {%- set words = dialect.text_null_words -%}
        {%- set text = 'trim(cast(' ~ expression ~ ' as string))' -%}
    {%- else -%}
        {%- set words = dialect.null_words -%}
        {%- set raw = 'cast(' ~ expression ~ ' as string)' -%}
        {#- Few texts have one: a pattern finds them in a tenth of the time. -#}
        {%- set blanks = separators() | length -%}
        {%- set spaced = 'translate(' ~ raw ~ ', ' ~ characters() ~ ", '" ~ ' ' * blanks ~ "')" -%}
        {%- set text = 'trim(case when ' ~ matches_pattern(raw, '[^ -~]') ~ ' then ' ~ spaced ~ ' else ' ~ raw
            ~ ' end)' -%}
        {%- if column.data_type in ['date', 'timestamp'] and '0000-00-00' in dialect.sentinel_dates -%}
            {%- set words = words + ['0000-00-00', '0000-00-00 00:00:00'] -%}
        {%- endif -%}
    {%- endif -%}
    {%- if words -%}
        case when lower({{ text }}) not in ({{ quoted_words([''] + words) }}) then {{ text }} end
    {%- else -%}
        nullif({{ text }}, '')
    {%- endif -%}
{%- endmacro %}

{% macro quoted_words(words) -%}
    {%- for word in words -%}
        '{{ escaped_text(word | string | lower) }}'{% if not loop.last %}, {% endif %}
    {%- endfor -%}
{%- endmacro %}

{# The day of a date or moment at its hospital. #}
{% macro day_of_value(column, dialect) -%}
    {{ column.name if column.data_type == 'date' else day_of_moment(column.name, dialect.time_zone) }}
{%- endmacro %}

{# Sentinel dates as a list of SQL literals; '' if the source has none. #}
{% macro sentinels(dialect) -%}
    {%- for day in dialect.sentinel_dates if day | string != '0000-00-00' -%}
        date '{{ day }}'{% if not loop.last %}, {% endif %}
    {%- endfor -%}
{%- endmacro %}

{# The words of each value of a column: a list of its own (meta.values), or those of the event types, declared once. #}
{% macro accepted_words(column) %}
    {% set values = column.config.meta.get('values') %}
    {{ return(event_type_words() if values == 'event_types' else values) }}
{% endmacro %}

{% macro is_birth(column) %}{{ return(column.config.meta.get('phi') == 'birth_date') }}{% endmacro %}

{# The declared type of a source column; an SQL expression is read as the text it gives. #}
{% macro source_type(expression, source_columns) %}
    {% set lineage = {'_ingested_at': 'timestamp', '_row_number': 'bigint'} %}
    {% if expression in source_columns %}{{ return(source_columns[expression].data_type) }}{% endif %}
    {{ return(lineage.get(expression, 'string')) }}
{% endmacro %}

{# Whether an amount of the source can have more digits behind the point than its column. #}
{% macro can_be_rounded(expression, column, type) %}
    {% if expression is none or not column.data_type.startswith('decimal') %}{{ return(false) }}{% endif %}
    {% if type == 'string' %}{{ return(true) }}{% endif %}
    {% set scales = [] %}
    {% for name in [type, column.data_type] if ',' in name %}
        {% do scales.append(name.split(',')[1].strip(' )') | int) %}
    {% endfor %}
    {{ return(scales | length == 2 and scales[0] > scales[1]) }}
{% endmacro %}

{# An amount with all its digits, NULL where that is what its column keeps. #}
{% macro long_amount(column, dialect) -%}
    {%- if column.source_type == 'string' -%}
        {{ read_long_amount('_text_' ~ column.name, dialect.number_format) }}
    {%- else -%}
        case
            when {{ column.expression }} <> cast({{ column.expression }} as {{ column.data_type }})
                then try_cast({{ column.expression }} as decimal(38, 10))
        end
    {%- endif -%}
{%- endmacro %}
