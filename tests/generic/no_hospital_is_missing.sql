{# Fails if gold has no charge line of a hospital, and names each with its reason in a line. #}
{% test no_hospital_is_missing(model) %}
{%- if execute and flags.WHICH in ['build', 'test'] -%}
    {%- set query =
        'select hospital_code, missing_reason from ' ~ model ~ ' where not is_expected order by hospital_code'
    -%}
    {%- set lines = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do lines.append(
            'Missing hospital: ' ~ row[0] ~ ' has no charge line in gold, ' ~ row[1]
            ~ '; look at rcm status and silver.quarantine, or take it out of vars.systems'
        ) -%}
    {%- endfor -%}
    {%- if lines -%}{%- do exceptions.raise_compiler_error(lines | join('\n')) -%}{%- endif -%}
{%- endif -%}
select *
from {{ model }}
where not is_expected
{% endtest %}
