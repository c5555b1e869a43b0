-- A shape too strict would flag half a hospital's patients, one too wide would let a typist's 999-99-9999 through.
{%- set patients = graph.nodes['model.rcm.stg_patients'].config.meta.rules if execute else [] -%}
{%- set rules = patients | selectattr('name', 'in', ['ssn_malformed', 'phone_malformed']) %}
{%- set good = {
    'ssn': ['123-45-6789', '001-01-0001', '665-99-9999', '667-10-1000', '772-01-0100', '899-50-0010', '900-70-0001'],
    'phone': [
        '502-555-0100', '(502)555-0100x1234', '(502) 555-0100', '+1-502-555-0100', '001-502-555-0100', '1 502 555 0100',
        '5025550100', '502.555.0100', '502.555.0100 ext. 12'
    ],
} -%}
{%- set bad = {
    'ssn': ['000-45-6789', '666-45-6789', '123-00-6789', '123-45-0000', '123456789', '123-456-789', '12-345-6789'],
    'phone': [
        '102-555-0100', '502-055-0100', '555-0100', '502-555-010', '502-555-01000', '+44-502-555-0100', '(502-555-0100',
        '502-555-0100x', 'unlisted'
    ],
} %}
with

examples as (
    {% for is_good, examples in [('true', good), ('false', bad)] -%}
    {%- set last_group = loop.last -%}
    {%- for kind, texts in examples.items() -%}
    {%- set last_kind = loop.last -%}
    {%- for text in texts -%}
    select
        '{{ kind }}' as kind,
        '{{ text }}' as example,
        {{ is_good }} as is_good
    {% if not (loop.last and last_kind and last_group) %}union all{% endif %}
    {% endfor -%}
    {%- endfor -%}
    {%- endfor %}
)

select *
from examples
where
    {% for rule in rules -%}
    {%- set column, pattern = (rule.not_matching.items() | list)[0] -%}
    (kind = '{{ column }}' and {{ matches_pattern('example', pattern) }} <> is_good)
    {% if not loop.last %}or {% endif %}
    {%- else %}
    false
    {%- endfor %}
