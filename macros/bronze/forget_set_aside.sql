{#
    Takes rows out of silver, history and the ledger whose bronze was set aside (rcm restart, rcm remove): what is
    incremental would keep them for ever. Of a table that is started again they stay until its new load is there, so
    that a hospital does not leave gold because its source was away. Deleting again changes nothing, so a killed build
    is completed by the next.
#}
{% macro forget_set_aside() %}
    {% if execute and writes_models() %}
        {% set query %}
            select set_aside.system, set_aside.{{ adapter.quote('table') }} as entity,
                split_part(set_aside.batch_id, '/', 1) as last_batch_id
            from audit.load_log as set_aside
            where set_aside.status = 'removed' or (
                set_aside.status = 'restarted' and exists (
                    select 1 from audit.load_log as later
                    where later.system = set_aside.system
                        and later.{{ adapter.quote('table') }} = set_aside.{{ adapter.quote('table') }}
                        and later.status = 'committed' and later.batch_id > split_part(set_aside.batch_id, '/', 1)
                )
            )
        {% endset %}
        {% for row in run_query(query).rows if row[1] in entities() %}
            {% for schema, name in [
                ('silver', 'stg_' ~ row[1]), ('history', row[1] ~ '_history'), ('silver', 'int_claim_status_changes'),
                ('silver', 'dq_rule_results'), ('gold', 'fct_ar_events')
            ] %}
                {% set relation = load_relation(api.Relation.create(target.get('database'), schema, name)) %}
                {% set old %}
                    where _source_table = '{{ row[0] }}.{{ row[1] }}' and _batch_id <= '{{ row[2] }}'
                {%- endset %}
                {% if relation and run_query('select 1 from ' ~ relation ~ old ~ ' limit 1').rows %}
                    {% do run_query('delete from ' ~ relation ~ old) %}
                {% endif %}
            {% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}
