-- A thousand read as one dollar, a birth in 2061, a payment at the wrong moment: text is read as its source means it,
-- by every engine alike, and what does not fit is read as nothing.
{%- set usual = {'null_words': ['NULL', '\\N'], 'sentinel_dates': ['0000-00-00'], 'century_pivot': 68,
    'time_zone': 'UTC'} -%}
{%- set amounts = {
    '1,234.56': {
        '1234.5': '1234.50', '1,234,567.89': '1234567.89', '-12': '-12', '+3': '3', '5.': '5', '.5': '0.50',
        '10.005': '10.005',
        '$1,234': '1234', '-$5.00': '-5', '$-5.00': '-5', '$ 5': '5', '3.5 \u20ac': '3.50', 'USD 7': '7',
        '(12.50)': '-12.50',
        '($12.50)': '-12.50', '12.50-': '-12.50', '\u22125': '-5', '\u00a08\t': '8', '12,50': none, '1.234,56': none,
        '1,23': none, '12,34,567': none, '1e5': none, '1.23E+05': none, '--5': none, '-(5)': none, 'NaN': none,
        'Infinity': none, '0x10': none, '1_000': none, '1 234': none, "1'234": none, '5 apples': none, 'NULL': none,
        '\\N': none, '-': none, '$': none, '': none
    },
    '1.234,56': {
        '1.234': '1234', '12.500': '12500', '1.234.567': '1234567', '1.234,56': '1234.56', '0,5': '0.50', ',5': '0.50',
        '1234': '1234', '1234,5': '1234.50', '12,50-': '-12.50', '\u20ac 1.234,50': '1234.50', '1234.56': none,
        '1,234.56': none, '12.34': none, '1.23': none, '1.2345': none
    },
    '1 234,56': {'1 234,50': '1234.50', '1\u00a0234': '1234', '1\u202f234\u202f567,8': '1234567.80', '12 34': none,
        '1.234': none},
    "1'234.56": {"1'234.50": '1234.50', '1\u2019234': '1234', '1234.5': '1234.50', '1,234': none},
    'plain': {'1234.50': '1234.50', '-1': '-1', '1,234': none, '1234,5': none}
} -%}
{%- set days = {
    'yyyy-MM-dd': {
        '2026-10-05': '2026-10-05', '2026-10-05 00:00:00': '2026-10-05', '2026-10-05T00:00:00.000': '2026-10-05',
        '2026-10-05 12:00:00 AM': '2026-10-05', ' 2026-10-05\t': '2026-10-05', '2026-10-05garbage': none,
        '2026-10-05 garbage': none, '2026-10-05 22:30': none, '2026-10-05 24:00': none, '2026-10-05Z': none,
        '2026-10-05T00:00:00-04:00': none, '2026-10': none, '2026': none, '2026-02-30': none, '2026-13-01': none,
        '12-01-02': none, '+2026-10-05': none, '20261005': none, '10/05/2026': none, '46300': none, 'epoch': none,
        'infinity': none, '-infinity': none, 'now': none, 'today': none, 'tomorrow': none, 'yesterday': none,
        '0000-00-00': none, '2026-10-05 (BC)': none
    },
    'M/d/yy': {
        '1/2/12': '2012-01-02', '01/02/12': '2012-01-02', '3/14/68': '2068-03-14', '3/14/69': '1969-03-14',
        '1/2/12 0:00': '2012-01-02', '1/2/2012': none, '13/2/12': none, '2/30/12': none, '1/2/12x': none, '1-2-12': none
    },
    'M/d/yyyy': {'1/2/2012': '2012-01-02', '12/31/2012': '2012-12-31', '1/2/12': none, '1/2/012': none},
    'dd.MM.yyyy': {'31.12.2012': '2012-12-31', '1.2.2012': '2012-02-01', '31/12/2012': none, '12.31.2012': none},
    'yyyyMMdd': {'20120102': '2012-01-02', '2012102': none, '201201023': none, '2012-01-02': none},
    'd-MMM-yy': {'2-Jan-12': '2012-01-02', '02-DEC-99': '1999-12-02', '2-Foo-12': none, '2-Janu-12': none},
    "yyyy-MM-dd'T'HH:mm": {'2026-10-05T22:30': '2026-10-05', '2026-10-05T24:30': none, '2026-10-05': none}
} -%}
{%- set moments = {
    none: {
        '2026-01-02': '2026-01-02 00:00:00', '2026-01-02 03:04': '2026-01-02 03:04:00',
        '2026-01-02T03:04:05': '2026-01-02 03:04:05', '2026-01-02 03:04:05.25': '2026-01-02 03:04:05.25',
        '2026-01-02 03:04:05.1234567': '2026-01-02 03:04:05.123456', '2026-01-02T03:04:05Z': '2026-01-02 03:04:05',
        '2026-01-02 22:30:00-04:00': '2026-01-03 02:30:00', '2026-01-02 22:30-04': '2026-01-03 02:30:00',
        '2026-01-02T03:04:05+0530': '2026-01-01 21:34:05', '2026-01-02 03:04:05 +00:00': '2026-01-02 03:04:05',
        '2026-01-02 03:04:05-03:30': '2026-01-02 06:34:05',
        '2026-01-02 24:00:00': none, '2026-01-02 25:00': none, '2026-01-02 03:60': none,
        '2026-01-02 03:04:05 EST': none,
        '2026-01-02 03:04:05 America/New_York': none, '2026-01-02 3 PM': none, '2026-02-30 03:04:05': none, 'now': none,
        'epoch': none, 'infinity': none
    },
    'M/d/yy': {
        '1/2/12': '2012-01-02 00:00:00', '1/2/12 3:04 PM': '2012-01-02 15:04:00',
        '1/2/12 12:00:00 AM': '2012-01-02 00:00:00',
        '1/2/12 12:30 pm': '2012-01-02 12:30:00', '1/2/12 15:04:05.5': '2012-01-02 15:04:05.5',
        '1/2/12 22:30-04:00': '2012-01-03 02:30:00', '2012-01-02 03:04:05': '2012-01-02 03:04:05',
        '1/2/12 13:30 PM': none,
        '1/2/12 0:30 AM': none, '1/2/12 24:00': none, '1/2/12 3:04 XM': none, '1/2/2012 3:04': none
    }
} -%}
{%- set stamps = {
    'yyyyMMddHHmmss': {'20260102030405': '2026-01-02 03:04:05', '20260102': none, '20260102250405': none},
    'dd.MM.yyyy HH:mm:ss.SSS': {'02.01.2026 03:04:05.250': '2026-01-02 03:04:05.25', '02.01.2026 03:04:05': none},
    'M/d/yyyy h:mm:ss a': {
        '1/2/2026 3:04:05 PM': '2026-01-02 15:04:05', '1/2/2026 12:04:05 AM': '2026-01-02 00:04:05',
        '1/2/2026 13:04:05 PM': none, '1/2/2026 3:04:05': none, '2026-01-02 03:04:05': none
    }
} -%}
{%- set births = {'3/14/61': '1961-03-14', '3/14/24': '2024-03-14', '7/1/26': '1926-07-01', '6/30/26': '2026-06-30'} -%}
{%- set selects = [] -%}
{%- for format, examples in amounts.items() -%}
    {%- set text = value_text('example', {'data_type': 'decimal(18,2)'}, usual) -%}
    {%- do selects.append(('decimal(38, 10)', read_amount(text, format, 'decimal(38, 10)'), examples)) -%}
{%- endfor -%}
{%- set cents = {
    '10.005': '10.01', '-10.005': '-10.01', '10.0049': '10.00', '10.00499999999999999999': '10.00',
    '616.8699951171875': '616.87',
    '0.125': '0.13', '(1,234.565)': '-1234.57', '7': '7.00', '9999999999999999.99': '9999999999999999.99',
    '12345678901234567': none, '9999999999999999.995': none
} -%}
{%- do selects.append(('decimal(18, 2)', read_amount('example', none, 'decimal(18, 2)'), cents)) -%}
{%- set long = {'10.005': '10.005', '$1.2345': '1.2345', '10.05': none, '10': none, '1,234': none, '1,234.5': none} -%}
{%- do selects.append(('decimal(38, 10)', read_long_amount('example', none), long)) -%}
{%- set dated = value_text('example', {'data_type': 'date'}, usual) -%}
{%- for format, examples in days.items() -%}
    {%- set dialect = dict(usual, date_format=none if format == 'yyyy-MM-dd' else [format]) -%}
    {%- do selects.append(('date', read_date(dated, dialect), examples)) -%}
{%- endfor -%}
{%- for format, examples in moments.items() -%}
    {%- set dialect = dict(usual, date_format=[format] if format else none) -%}
    {%- do selects.append(('timestamp', read_timestamp(dated, dialect), examples)) -%}
{%- endfor -%}
{%- for format, examples in stamps.items() -%}
    {%- do selects.append(('timestamp', read_timestamp(dated, dict(usual, timestamp_format=[format])), examples)) -%}
{%- endfor -%}
{%- set local = {
    '2026-01-02 03:04:05': '2026-01-02 08:04:05', '2026-07-02 03:04': '2026-07-02 07:04:00',
    '2026-07-02': '2026-07-02 04:00:00',
    '2026-01-02 03:04:05Z': '2026-01-02 03:04:05', '2026-01-02 03:04:05+01:00': '2026-01-02 02:04:05'
} -%}
{%- do selects.append(('timestamp', read_timestamp(dated, dict(usual, time_zone='America/New_York')), local)) -%}
{%- do selects.append(('date', read_date(dated, dict(usual, date_format=['M/d/yy']), true), births)) %}
with

examples as (
    {% for data_type, read, texts in selects -%}
    select
        example,
        '{{ data_type }}' as data_type,
        cast(cast(meant as {{ data_type }}) as string) as meant,
        cast(cast({{ read }} as {{ data_type }}) as string) as is_read
    from (
        select *, timestamp '2026-06-30 12:00:00' as _ingested_at
        from ({{ literal_rows(['example', 'meant'], texts.items()) }}) as texts
    ) as loaded
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

select *
from examples
where meant is distinct from is_read
