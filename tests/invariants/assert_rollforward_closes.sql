-- Invariant 4. A month that does not open with what the one before closed with, or that is missing, hides the money in
-- between: what is owed would change without an event that says why.
with

rollforward as (
    select
        *,
        lag(closing_amount) over months_of_group as previous_closing_amount,
        lag(month_end_date) over months_of_group as previous_month_end_date
    from {{ ref('fct_ar_rollforward_monthly') }}
    window months_of_group as (partition by hospital_key, payer_group order by month_key)
)

select
    hospital_key,
    payer_group,
    month_key,
    previous_closing_amount,
    opening_amount,
    closing_amount
from rollforward
where
    opening_amount <> coalesce(previous_closing_amount, 0)
    or closing_amount <> opening_amount + restatement_amount
    {%- for column in report_columns() %} + {{ column }}{% endfor %}
    or previous_month_end_date <> {{ dbt.dateadd('day', -1, 'month_start_date') }}
