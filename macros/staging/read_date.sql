{#
    Text to dates and moments, by regular expressions and casts of ISO 8601 only: the parsers of engines differ in what
    they let pass (`epoch`, text behind a date, 24:00, an offset). Text that does not fit a format as a whole is NULL.
#}

{# The first format that fits, yyyy-MM-dd without one. Midnight behind a date says nothing, another time of day does. #}
{% macro read_date(text, dialect, is_birth=false) -%}
    {%- if not dialect.date_format -%}
        case
            when {{ matches_pattern(text, '^[0-9]{4}-[0-9]{2}-[0-9]{2}' ~ midnight() ~ '$') }}
                then try_cast(substr({{ text }}, 1, 10) as date)
        end
    {%- else -%}
        coalesce(null
        {%- for format in dialect.date_format -%}
            {%- set parts = format_parts(format) -%}
            {%- set has_time = 'H' in parts.places or 'h' in parts.places -%}
            {%- set pattern = '^' ~ parts.pattern ~ ('' if has_time else midnight()) ~ '$' -%}
            , try_cast({{ iso_date(text, pattern, parts.places, dialect, is_birth) }} as date)
        {%- endfor -%})
    {%- endif -%}
{%- endmacro %}

{% macro midnight() %}
    {{ return('(?:[ T](?:0?0:00(?::00(?:[.]0+)?)?|12:00(?::00(?:[.]0+)?)? ?[Aa][Mm]))?') }}
{% endmacro %}

{#
    A moment in UTC. Without a format of their own, moments are in the format of dates with or without a time of day, or
    in ISO 8601; a date alone is its midnight.
#}
{% macro read_timestamp(text, dialect, is_birth=false) -%}
    {%- set formats = dialect.timestamp_format or dialect.date_format or [] -%}
    {%- set day = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
    {%- set time = '(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?' -%}
    {%- set with_offset = '^(' ~ day ~ '[ T]' ~ time ~ ') ?' ~ offset_pattern() ~ '$' -%}
    coalesce(
        {%- for format in formats %}
        {{ moment_by(text, format_parts(format), dialect, is_birth) }},
        {%- endfor %}
        {%- if not dialect.timestamp_format %}
        case
            when {{ matches_pattern(text, '^' ~ day ~ '(?:[ T]' ~ time ~ ')?$') }}
                then {{ utc_of_clock('try_cast(' ~ text ~ ' as timestamp)', dialect) }}
            when {{ matches_pattern(text, with_offset) }}
                then {{ utc_of_offset(
                    'try_cast(' ~ part_of(text, with_offset, 1) ~ ' as timestamp)', part_of(text, with_offset, 2)
                ) }}
        end,
        {%- endif %}
        cast(null as timestamp)
    )
{%- endmacro %}

{# One group. DuckDB extracts no more than nine of a pattern. #}
{% macro offset_pattern() %}{{ return('([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)') }}{% endmacro %}

{# The moment of a text in a declared format; a format without a time of day takes one, too. #}
{% macro moment_by(text, parts, dialect, is_birth) -%}
    {%- set places = dict(parts.places) -%}
    {%- set groups = places | length -%}
    {%- if 'H' in places or 'h' in places -%}
        {%- set has_fraction = 'S' in places -%}
        {%- set pattern = '^' ~ parts.pattern ~ ('' if has_fraction else '([.,][0-9]{1,9})?')
            ~ '(?: ?' ~ offset_pattern() ~ ')?$' -%}
        {%- do places.update({'offset': groups + (1 if has_fraction else 2)}) -%}
        {%- if not has_fraction -%}{%- do places.update({'fraction': groups + 1}) -%}{%- endif -%}
    {%- else -%}
        {%- set pattern = '^' ~ parts.pattern
            ~ '(?:[ T]([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])([.,][0-9]{1,9})?)?'
            ~ '(?: ?([AaPp])[.]?[Mm][.]?)?(?: ?' ~ offset_pattern() ~ ')?)?$' -%}
        {%- do places.update({
            'H': groups + 1, 'm': groups + 2, 's': groups + 3, 'fraction': groups + 4, 'a': groups + 5,
            'offset': groups + 6
        }) -%}
    {%- endif -%}
    {%- set hour = part_of(text, pattern, places.get('H', places.h)) -%}
    {%- set clock -%}
        try_cast(concat(
            {{ iso_date(text, pattern, places, dialect, is_birth) }}, ' ',
            {% if 'a' in places -%}
            {%- set half = 'lower(' ~ part_of(text, pattern, places.a) ~ ')' -%}
            case
                when {{ half }} = '' then lpad({{ hour }}, 2, '0')
                when try_cast({{ hour }} as int) between 1 and 12
                    then lpad(cast(try_cast({{ hour }} as int) % 12
                        + case when {{ half }} = 'p' then 12 else 0 end as string), 2, '0')
            end
            {%- else -%}
            lpad({{ hour }}, 2, '0')
            {%- endif -%}, ':',
            lpad({{ part_of(text, pattern, places.m) if 'm' in places else "''" }}, 2, '0'), ':',
            lpad({{ part_of(text, pattern, places.s) if 's' in places else "''" }}, 2, '0'),
            {% if 'S' in places %}'.', {{ part_of(text, pattern, places.S) }}
            {%- else %}replace({{ part_of(text, pattern, places.fraction) }}, ',', '.'){% endif %}
        ) as timestamp)
    {%- endset -%}
    case
        when {{ part_of(text, pattern, places.offset) }} <> ''
            then {{ utc_of_offset(clock, part_of(text, pattern, places.offset)) }}
        else {{ utc_of_clock(clock, dialect) }}
    end
{%- endmacro %}

{# What a clock without a zone shows, as UTC. #}
{% macro utc_of_clock(clock, dialect) -%}
    {{ clock if dialect.time_zone == 'UTC' else to_utc(clock, dialect.time_zone) }}
{%- endmacro %}

{# What a clock with an offset (Z, +02, -0430, +05:30) shows, as UTC. #}
{% macro utc_of_offset(clock, offset) -%}
    {%- set digits = "replace(" ~ offset ~ ", ':', '')" -%}
    {%- set sign = 'substr(' ~ offset ~ ', 1, 1)' -%}
    case
        when lower({{ offset }}) = 'z' then {{ clock }}
        else {{ add_minutes(
            clock,
            "0 - 60 * try_cast(concat(" ~ sign ~ ", substr(" ~ digits ~ ", 2, 2)) as int)"
            ~ " - try_cast(concat(" ~ sign ~ ", '0', substr(" ~ digits ~ ", 4, 2)) as int)"
        ) }}
    end
{%- endmacro %}

{# A format as {pattern: regular expression, places: {letter: group}}; letters as in ingestion/declared/dialect.py. #}
{% macro format_parts(format) %}
    {% set tokens = modules.re.findall("yyyy|yy|MMM|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s|SSS|a|'[^']*'|.", format) %}
    {% set pattern, places = [], {} %}
    {% for token in tokens %}
        {# Digits that nothing parts have a fixed number. #}
        {% set beside = modules.re.match('(?!MMM)[yMdHhms]', loop.nextitem | default(' '))
            or modules.re.match('(?!MMM)[yMdHhms]', loop.previtem | default(' ')) %}
        {% set one = '' if beside else '?' %}
        {% set known = {
            'y': '([0-9]{4})', 'yy': '([0-9]{2})', 'M': '([01]' ~ one ~ '[0-9])', 'MMM': '([A-Za-z]{3})',
            'd': '([0-3]' ~ one ~ '[0-9])', 'H': '([01]' ~ one ~ '[0-9]|2[0-3])', 'h': '([01]' ~ one ~ '[0-9])',
            'm': '([0-5]' ~ one ~ '[0-9])', 's': '([0-5]' ~ one ~ '[0-9])', 'S': '([0-9]{1,9})',
            'a': '([AaPp])[.]?[Mm][.]?'
        } %}
        {% set letter = token if token in ['yy', 'MMM'] else token[0] %}
        {% if letter in known %}
            {% do pattern.append(known[letter]) %}
            {% do places.update({letter: places | length + 1}) %}
        {% else %}
            {% for character in token.strip("'") %}
                {% set is_plain = modules.re.match('[A-Za-z0-9 ]', character) %}
                {% do pattern.append(character if is_plain else '[' ~ character ~ ']') %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {{ return({'pattern': pattern | join, 'places': places}) }}
{% endmacro %}

{# The date of a matching text as yyyy-MM-dd, and no date where it does not match. #}
{% macro iso_date(text, pattern, places, dialect, is_birth) -%}
    {%- set month_and_day = "'-', " ~ iso_month(text, pattern, places)
        ~ ", '-', lpad(" ~ part_of(text, pattern, places.d)
        ~ ", 2, '0')" -%}
    {%- if 'y' in places -%}
        concat({{ part_of(text, pattern, places.y) }}, {{ month_and_day }})
    {%- else -%}
        {%- set year = part_of(text, pattern, places.yy) -%}
        concat(
            case
                {%- if is_birth %}
                when concat('20', {{ year }}, {{ month_and_day }}) > substr(cast(_ingested_at as string), 1, 10)
                    then '19'
                {%- else %}
                when {{ year }} > '{{ '%02d' | format(dialect.century_pivot) }}' then '19'
                {%- endif %}
                else '20'
            end, {{ year }}, {{ month_and_day }}
        )
    {%- endif -%}
{%- endmacro %}

{% macro iso_month(text, pattern, places) -%}
    {%- if 'MMM' in places -%}
        case lower({{ part_of(text, pattern, places.MMM) }})
        {%- for month in ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] %}
        when '{{ month }}' then '{{ '%02d' | format(loop.index) }}'
        {%- endfor %} else '' end
    {%- else -%}
        lpad({{ part_of(text, pattern, places.M) }}, 2, '0')
    {%- endif -%}
{%- endmacro %}

{# One group of a matching text; '' where it does not match. #}
{% macro part_of(text, pattern, group) -%}
    regexp_extract({{ text }}, '{{ pattern }}', {{ group }})
{%- endmacro %}
