-- The closes of every month, and whether each is still valid. A close from before a column of the roll-forward signed
-- nothing in it.
{%- set closes = source('ledger', 'month_close') %}
{%- set columns = adapter.get_columns_in_relation(closes) if execute else [] %}
{%- set recorded = columns | map(attribute='name') | map('lower') | list %}

select
    closes.source_system,
    closes.payer_group,
    closes.month_key,
    closes.close_version,
    closes.closed_at,
    closes.closed_by,
    closes.opening_amount,
    closes.restatement_amount,
    {% for column in report_columns() -%}
    {% set signed = 'null' if recorded and column not in recorded else 'closes.' ~ column -%}
    cast(coalesce({{ signed }}, 0) as decimal(18, 2)) as {{ column }},
    {% endfor -%}
    closes.closing_amount,
    reopened.reopened_at,
    reopened.reopened_by,
    reopened.reason as reopen_reason,
    reopened.close_version is null as is_in_force
from {{ closes }} as closes
left join {{ source('ledger', 'month_reopen') }} as reopened
    on
        closes.source_system = reopened.source_system
        and closes.month_key = reopened.month_key
        and closes.close_version = reopened.close_version
