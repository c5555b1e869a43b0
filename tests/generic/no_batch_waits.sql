{# Fails if a batch waits for a person, and says in a line per batch what is wrong with it and which commands decide. #}
{% test no_batch_waits(model) %}
{%- if execute and flags.WHICH in ['build', 'test'] -%}
    {%- set lines = [] -%}
    {%- for row in run_query('select _source_table, _batch_id, finding from ' ~ model ~ ' order by _batch_id').rows -%}
        {%- do lines.append(
            'Circuit breaker: ' ~ row[0] ~ ': batch ' ~ row[1] ~ ': ' ~ row[2] ~ ', so it and later batches of '
            ~ row[0] ~ ' wait, and gold goes on without them; look at silver.quarantine, then rcm accept ' ~ row[1]
            ~ ' --reason "..." takes it as it is, rcm refuse ' ~ row[1] ~ ' --reason "..." leaves it out'
        ) -%}
    {%- endfor -%}
    {%- if lines -%}{%- do exceptions.raise_compiler_error(lines | join('\n')) -%}{%- endif -%}
{%- endif -%}
select *
from {{ model }}
{% endtest %}
