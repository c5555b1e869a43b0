{#
    Every amount that a version of a source record stands for, one row per leg: a charge line has two, its charge and
    what was paid on it; an adjustment has one; a transfer two, which net to zero. ar_delta_amount is signed.
#}
{% macro ledger_legs() -%}
{%- set record = [
    'version_number', 'is_deleted', 'source_system', 'transaction_id', 'encounter_id', 'patient_id', 'provider_id',
    'department_id'
] -%}
{%- set known_day = local_date('dbt_valid_from') -%}
select
    transaction_key as record_key,
    'CHARGE' as leg,
    'CHARGE' as event_type,
    coalesce(service_date, {{ known_day }}) as business_date,
    cast(coalesce(charge_amount, 0) as decimal(18, 2)) as ar_delta_amount,
    {{ first_known_at('inserted_at') }} as known_at,
    {{ record | join(',\n    ') }},
    payer_id,
    coalesce(payer_group, 'Unknown') as payer_group,
    coalesce(service_date, {{ known_day }}) as service_date,
    _source_table,
    _batch_id,
    service_date is null as is_undated
from {{ ref('transactions_history') }}

union all

select
    transaction_key as record_key,
    'PAYMENT' as leg,
    {{ payment_type() | indent(4) }} as event_type,
    coalesce(paid_date, {{ known_day }}) as business_date,
    cast(0 - coalesce(paid_amount, 0) as decimal(18, 2)) as ar_delta_amount,
    {{ first_known_at('greatest(coalesce(' ~ day_start('paid_date') ~ ', inserted_at), inserted_at)') }} as known_at,
    {{ record | join(',\n    ') }},
    payer_id,
    coalesce(payer_group, 'Unknown') as payer_group,
    coalesce(service_date, {{ known_day }}) as service_date,
    _source_table,
    _batch_id,
    paid_date is null as is_undated
from {{ ref('transactions_history') }}

union all

select
    adjustment_key as record_key,
    'ADJUSTMENT' as leg,
    adjustment_type as event_type,
    coalesce(post_date, {{ known_day }}) as business_date,
    cast({{ signed_amount('adjustment_type', 'adjustment_amount') }} as decimal(18, 2)) as ar_delta_amount,
    {{ first_known_at('inserted_at') }} as known_at,
    {{ record | join(',\n    ') }},
    payer_id,
    coalesce(payer_group, 'Unknown') as payer_group,
    coalesce(service_date, post_date, {{ known_day }}) as service_date,
    _source_table,
    _batch_id,
    post_date is null as is_undated
from {{ ref('adjustments_history') }}

union all

select
    adjustment_key as record_key,
    'TRANSFER_IN' as leg,
    'TRANSFER' as event_type,
    coalesce(post_date, {{ known_day }}) as business_date,
    cast(
        case when adjustment_type in {{ event_types(class='transfer') }} then adjustment_amount else 0 end
        as decimal(18, 2)
    ) as ar_delta_amount,
    {{ first_known_at('inserted_at') }} as known_at,
    {{ record | join(',\n    ') }},
    -- Only the group of who owes it now is known.
    cast(null as string) as payer_id,
    coalesce(to_payer_group, 'Unknown') as payer_group,
    coalesce(service_date, post_date, {{ known_day }}) as service_date,
    _source_table,
    _batch_id,
    post_date is null as is_undated
from {{ ref('adjustments_history') }}
{%- endmacro %}

{#
    When an amount became known: with its version. The first version that arrived may have been changed long after its
    amounts were written: where the row says when it was inserted, they are known since that moment or a later one that
    it names. Without it every amount of the record is known with its version: a payment by its own date would be known
    before the charge it pays.
#}
{% macro first_known_at(moment) -%}
    case
        when version_number = 1 and inserted_at is not null then least(dbt_valid_from, {{ moment }})
        else dbt_valid_from
    end
{%- endmacro %}

{# Key of a record whatever its version; -2 where the source names none. #}
{% macro durable_key(source_system, id) -%}
    case when {{ id }} is null then '-2' else {{ generate_surrogate_key([source_system, id]) }} end
{%- endmacro %}

{# Who paid is what the source says. No word, or one without a meaning, is nobody's payment: it is not guessed. #}
{% macro payment_type() -%}
case payment_source
    when 'insurance' then 'PAYMENT_INSURANCE'
    when 'patient' then 'PAYMENT_PATIENT'
    else 'PAYMENT_UNKNOWN'
end
{%- endmacro %}

{# Key of an account: the encounter; a record without one is an account of its own, as is a charge line. #}
{% macro account_key(record_key) -%}
    case
        when encounter_id is not null then {{ generate_surrogate_key(['source_system', 'encounter_id']) }}
        when transaction_id is not null
            then {{ generate_surrogate_key(['source_system', "'charge line'", 'transaction_id']) }}
        else {{ record_key }}
    end
{%- endmacro %}
