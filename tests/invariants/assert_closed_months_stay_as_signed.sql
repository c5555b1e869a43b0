-- Invariant 8. A closed month that differs by a cent from what was signed is a signed report that nobody can reproduce.
with

signed as (
    select
        hospital_key,
        payer_group,
        month_key,
        {% for column in report_columns() -%}
        {{ column }},
        {% endfor -%}
        opening_amount,
        restatement_amount,
        closing_amount
    from {{ ref('fct_month_close') }}
    where is_in_force
),

shown as (
    select
        hospital_key,
        payer_group,
        month_key,
        {% for column in report_columns() -%}
        {{ column }},
        {% endfor -%}
        opening_amount,
        restatement_amount,
        closing_amount
    from {{ ref('fct_ar_rollforward_monthly') }}
    where close_version is not null
),

recorded as (
    select
        {{ generate_surrogate_key(['source_system']) }} as hospital_key,
        payer_group,
        month_key,
        closing_amount
    from {{ source('ledger', 'month_close') }}
),

in_table as (
    select
        hospital_key,
        payer_group,
        month_key,
        closing_amount
    from {{ ref('fct_month_close') }}
),

not_shown as (
    select * from signed
    except
    select * from shown
),

not_signed as (
    select * from shown
    except
    select * from signed
),

not_in_table as (
    select * from recorded
    except
    select * from in_table
)

select
    'not shown as signed' as difference,
    hospital_key,
    payer_group,
    month_key
from not_shown
union all
select
    'shown but not signed' as difference,
    hospital_key,
    payer_group,
    month_key
from not_signed
union all
select
    'not as recorded' as difference,
    hospital_key,
    payer_group,
    month_key
from not_in_table
