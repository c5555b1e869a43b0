select
    {{ generate_surrogate_key(['source_system', 'payer_group', 'month_key', 'close_version']) }} as month_close_key,
    {{ generate_surrogate_key(['source_system']) }} as hospital_key,
    payer_group,
    month_key,
    close_version,
    closed_at,
    closed_by,
    reopened_at,
    reopened_by,
    reopen_reason,
    is_in_force,
    opening_amount,
    restatement_amount,
    {% for column in report_columns() -%}
    {{ column }},
    {% endfor -%}
    closing_amount
from {{ ref('int_month_closes') }}
