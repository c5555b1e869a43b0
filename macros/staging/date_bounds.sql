{#
    The days that a date can be, as `date_bounds` of a dialect says: so many years before its row was loaded, so many
    days after, and for a payment so many days before the service. A ledger does not begin before `ledger_begins`.
#}
{% macro is_out_of_bounds(column, dialect) -%}
    {%- set bounds = dialect.date_bounds[column.name] -%}
    {%- set day = day_of_value(column, dialect) -%}
    (
        {%- if sentinels(dialect) %}
        {{ day }} not in ({{ sentinels(dialect) }})
        and {% endif -%}
        (
            {{ day }} <= {{ dbt.dateadd('year', 0 - bounds.years_before - 1, 'cast(_ingested_at as date)') }}
            or {{ day }} > {{ days_later(local_date('_ingested_at'), bounds.get('days_after', 0)) }}
            {%- if bounds.get('days_before_service') is not none %}
            or {{ day }} < {{ days_later('service_date', 0 - bounds.days_before_service) }}
            {%- endif %}
            {%- if dialect.ledger_begins and column.data_type == 'date' and not is_birth(column) %}
            or {{ day }} < date '{{ dialect.ledger_begins }}'
            {%- endif %}
        )
    )
{%- endmacro %}

{#
    Whether a date that cannot be true is read as unknown: where the source's rule about it only warns. A payment on an
    impossible day is posted on the day it became known, and its charge is not held back.
#}
{% macro date_is_unknown(column_name, system, entity) %}
    {% for rule in all_rules(entity) if rule.get('out_of_bounds') == column_name %}
        {{ return(severity_in(rule, system, entity) == 'warn') }}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}

{% macro days_later(day, days) -%}
    {{ 'cast(' ~ dbt.dateadd('day', days, day) ~ ' as date)' if days else day }}
{%- endmacro %}
