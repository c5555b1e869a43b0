-- The closes of every month, and whether each is still valid.
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
    closes.{{ column }},
    {% endfor -%}
    closes.closing_amount,
    reopened.reopened_at,
    reopened.reopened_by,
    reopened.reason as reopen_reason,
    reopened.close_version is null as is_in_force
from {{ source('ledger', 'month_close') }} as closes
left join {{ source('ledger', 'month_reopen') }} as reopened
    on
        closes.source_system = reopened.source_system
        and closes.month_key = reopened.month_key
        and closes.close_version = reopened.close_version
