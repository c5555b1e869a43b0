{# Batches that a person refused (rcm refuse), as {batch id: source table}; they are never staged. #}
{% macro refused_batches() %}
    {% set decisions = source('ledger', 'batch_decision') %}
    {% set refused = {} %}
    {% if execute and load_relation(decisions) %}
        {% set query = 'select distinct batch_id, source_table from ' ~ decisions ~ " where decision = 'refused'" %}
        {% for row in run_query(query).rows %}{% do refused.update({row[0]: row[1]}) %}{% endfor %}
    {% endif %}
    {{ return(refused) }}
{% endmacro %}

{#
    Takes the rows of refused batches out of a table that is filled batch by batch, and those of later batches of the
    same source tables, which were compared with them. The build reads these later batches again. History never has any
    of them, because they waited.
#}
{% macro forget_refused(relation, refused) %}
    {% set found = [] %}
    {% if execute and refused and writes_models() %}
        {% set ids = "'" ~ refused.keys() | join("', '") ~ "'" %}
        {% set query = 'select _source_table, min(_batch_id) from ' ~ relation ~ ' where _batch_id in (' ~ ids ~ ')' %}
        {% for row in run_query(query ~ ' group by _source_table').rows %}
            {% do run_query(
                'delete from ' ~ relation ~ " where _source_table = '" ~ row[0] ~ "' and _batch_id >= '" ~ row[1] ~ "'"
            ) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#
    True for rows of batches that no decision holds up: from the first batch of a source table that waits for a person,
    its rows stay out of history and gold, and those of its later batches, too. Other tables go on.
#}
{% macro is_released(alias=none) -%}
{%- set breaker = ref('dq_circuit_breaker') -%}
{%- set table = alias ~ '._source_table' if alias else '_source_table' -%}
{%- set batch = alias ~ '._batch_id' if alias else '_batch_id' -%}
{%- set waiting = [] -%}
{%- if execute and load_relation(breaker) -%}
    {%- set query =
        'select _source_table, min(_batch_id) from ' ~ breaker ~ ' where is_tripped group by _source_table'
    -%}
    {%- for row in run_query(query).rows -%}
        {%- do waiting.append('(' ~ table ~ " = '" ~ row[0] ~ "' and " ~ batch ~ " >= '" ~ row[1] ~ "')") -%}
    {%- endfor -%}
{%- endif -%}
{{ 'not (' ~ waiting | join(' or ') ~ ')' if waiting else 'true' }}
{%- endmacro %}
