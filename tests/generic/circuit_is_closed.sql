{#
    Fails if a batch has tripped the circuit breaker, and names the batch and the remedy in one line: the models
    downstream are skipped, so this line is the only information.
#}
{% test circuit_is_closed(model) %}
{%- if execute and flags.WHICH in ['build', 'test'] -%}
    {%- set tripped = run_query(
        'select _source_table, _batch_id, held_back_rows, batch_rows, held_back_rate, limit_rate from ' ~ model
        ~ ' where is_tripped order by _batch_id'
    ).rows -%}
    {%- if tripped -%}
        {%- set table, batch, bad, all, rate, limit = tripped[0].values() -%}
        {%- do exceptions.raise_compiler_error(
            'Circuit breaker: ' ~ table ~ ': batch ' ~ batch ~ ': ' ~ bad ~ ' of ' ~ all
            ~ ' rows are rejected or quarantined (' ~ '%.1f' % (rate * 100) ~ ' %, limit ' ~ '%.1f' % (limit * 100)
            ~ ' %); history and gold stay as they were. Look at silver.quarantine, then have the rows corrected, or '
            ~ 'add the batch to quarantine.accepted of the table, or raise its quarantine.limit'
            ~ ('; ' ~ (tripped | length - 1) ~ ' more in silver.dq_circuit_breaker' if tripped | length > 1 else '')
        ) -%}
    {%- endif -%}
{%- endif -%}
select *
from {{ model }}
where is_tripped
{% endtest %}
