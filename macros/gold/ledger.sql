{#
    What the ledger's events are called in a report, one column per class; each event type belongs to one class.
    Amounts are signed by their effect on accounts receivable, so that a month's classes add up to its movement.
#}
{% macro ledger_classes() %}
    {{ return({
        'charge_amount': ['CHARGE'],
        'insurance_payment_amount': ['PAYMENT_INSURANCE'],
        'patient_payment_amount': ['PAYMENT_PATIENT'],
        'contractual_adjustment_amount': ['ADJ_CONTRACTUAL'],
        'charity_adjustment_amount': ['ADJ_CHARITY'],
        'uninsured_discount_amount': ['ADJ_UNINSURED_DISCOUNT'],
        'denial_write_off_amount': ['ADJ_DENIAL'],
        'bad_debt_write_off_amount': ['ADJ_BAD_DEBT'],
        'small_balance_write_off_amount': ['ADJ_SMALL_BALANCE'],
        'other_adjustment_amount': ['ADJ_OTHER'],
        'refund_amount': ['REFUND'],
        'transfer_amount': ['TRANSFER'],
        'reversal_amount': ['REVERSAL'],
    }) }}
{% endmacro %}

{#
    Every amount that a version of a source record stands for, one row per leg: a charge line has two, its charge and
    what was paid on it; an adjustment has one; a transfer two, which net to zero. ar_delta_amount is signed.
#}
{% macro ledger_legs() -%}
{%- set record = [
    'version_number', 'is_deleted', 'source_system', 'transaction_id', 'encounter_id', 'patient_id', 'provider_id',
    'department_id'
] -%}
select
    transaction_key as record_key,
    'CHARGE' as leg,
    'CHARGE' as event_type,
    coalesce(service_date, cast(dbt_valid_from as date)) as business_date,
    cast(coalesce(charge_amount, 0) as decimal(18, 2)) as ar_delta_amount,
    {{ first_known_at('inserted_at') }} as known_at,
    {{ record | join(',\n    ') }},
    payer_id,
    coalesce(payer_group, 'Unknown') as payer_group,
    coalesce(service_date, cast(dbt_valid_from as date)) as service_date,
    _source_table,
    _batch_id
from {{ ref('transactions_history') }}

union all

select
    transaction_key as record_key,
    'PAYMENT' as leg,
    case when payment_source = 'patient' then 'PAYMENT_PATIENT' else 'PAYMENT_INSURANCE' end as event_type,
    coalesce(paid_date, cast(dbt_valid_from as date)) as business_date,
    cast(0 - coalesce(paid_amount, 0) as decimal(18, 2)) as ar_delta_amount,
    {{ first_known_at('greatest(cast(paid_date as timestamp), inserted_at)') }} as known_at,
    {{ record | join(',\n    ') }},
    payer_id,
    coalesce(payer_group, 'Unknown') as payer_group,
    coalesce(service_date, cast(dbt_valid_from as date)) as service_date,
    _source_table,
    _batch_id
from {{ ref('transactions_history') }}

union all

select
    adjustment_key as record_key,
    'ADJUSTMENT' as leg,
    adjustment_type as event_type,
    coalesce(post_date, cast(dbt_valid_from as date)) as business_date,
    -- A denial is news, not money: it posts nothing until it is written off.
    cast(
        case adjustment_type when 'REFUND' then adjustment_amount when 'DENIAL' then 0 else 0 - adjustment_amount end
        as decimal(18, 2)
    ) as ar_delta_amount,
    {{ first_known_at('inserted_at') }} as known_at,
    {{ record | join(',\n    ') }},
    payer_id,
    coalesce(payer_group, 'Unknown') as payer_group,
    coalesce(service_date, post_date, cast(dbt_valid_from as date)) as service_date,
    _source_table,
    _batch_id
from {{ ref('adjustments_history') }}

union all

select
    adjustment_key as record_key,
    'TRANSFER_IN' as leg,
    'TRANSFER' as event_type,
    coalesce(post_date, cast(dbt_valid_from as date)) as business_date,
    cast(
        case when adjustment_type = 'TRANSFER' then adjustment_amount else 0 end as decimal(18, 2)
    ) as ar_delta_amount,
    {{ first_known_at('inserted_at') }} as known_at,
    {{ record | join(',\n    ') }},
    -- Who owes it now is known by group alone.
    cast(null as string) as payer_id,
    coalesce(to_payer_group, 'Unknown') as payer_group,
    coalesce(service_date, post_date, cast(dbt_valid_from as date)) as service_date,
    _source_table,
    _batch_id
from {{ ref('adjustments_history') }}
{%- endmacro %}

{#
    When an amount became known: with its version. The first version that arrived may have been changed long after its
    amounts were written; they are known since the moment the row itself names, where that is earlier.
#}
{% macro first_known_at(moment) -%}
    case
        when version_number = 1 then least(dbt_valid_from, coalesce({{ moment }}, dbt_valid_from))
        else dbt_valid_from
    end
{%- endmacro %}

{#
    Accounts receivable as of a date: events posted up to it, summed by the columns given. With known_at, as it was
    known then: only what had become known by the end of that day. A select of the columns and ar_amount, USD.
#}
{% macro ar_as_of(as_of_date, by=['hospital_key'], known_date=none) -%}
select
    {% for column in by -%}
    {{ column }},
    {% endfor -%}
    cast(sum(ar_delta_amount) as decimal(18, 2)) as ar_amount
from {{ ref('fct_ar_events') }}
where
    post_date <= {{ as_of_date }}
    {%- if known_date is not none %}
    and cast(known_at as date) <= {{ known_date }}
    {%- endif %}
group by {{ by | join(', ') }}
{%- endmacro %}

{# Key of a record whatever its version; -2 where the source names none. #}
{% macro durable_key(source_system, id) -%}
    case when {{ id }} is null then '-2' else {{ generate_surrogate_key([source_system, id]) }} end
{%- endmacro %}

{# What was paid less what was given back, summed; signed as in the ledger, so that money received is negative. #}
{% macro cash(amount) -%}
    sum(case when money_type in ('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'REFUND') then {{ amount }} else 0 end)
{%- endmacro %}

{# True where a cohort's service month ended at least 120 days before: time to be paid, denied and appealed. #}
{% macro is_mature_cohort(service_month_start_date, as_of_date) -%}
    {{ dbt.datediff(dbt.last_day(service_month_start_date, 'month'), as_of_date, 'day') }} >= 120
{%- endmacro %}
