-- The ledger, append-only: a posted event never changes. A version of a charge line or adjustment that changes money,
-- date, account or payer reverses what the version before it posted and posts again, dated when it became known. Keys
-- are durable: a late-arriving version of a dimension must not rewrite the ledger; see join_as_of.
{{ config(materialized='incremental', incremental_strategy='append') }}

{%- set seen = batches_posted(this) %}

with

legs as (
    {{ ledger_legs() }}
),

{% if seen -%}
changed_records as (
    select distinct record_key
    from legs
    where {{ is_after_batches(seen) }}
),

{% endif -%}
fingerprinted as (
    select
        *,
        is_deleted or ar_delta_amount = 0 as is_blank,
        {{ content_hash([
            'event_type', 'transaction_id', 'encounter_id', 'patient_id', 'provider_id', 'department_id', 'payer_id',
            'payer_group', 'service_date'
        ]) }} as context,
        -- What was voided and is charged again corrects the void: it must not reach back behind it.
        coalesce(max(case when is_deleted or ar_delta_amount = 0 then 0 else 1 end) over (
            partition by record_key, leg order by version_number rows between unbounded preceding and 1 preceding
        ), 0) = 1 as has_posted_before
    from legs
    {%- if seen %}
    where record_key in (select changed_records.record_key from changed_records)
    {%- endif %}
),

paired as (
    select
        current_legs.*,
        previous.event_type as previous_event_type,
        previous.ar_delta_amount as previous_amount,
        previous.version_number as previous_version_number,
        coalesce(previous.is_blank, true) as is_previous_blank,
        case
            when current_legs.is_blank or coalesce(previous.is_blank, true)
                then current_legs.is_blank and coalesce(previous.is_blank, true)
            else
                current_legs.context = previous.context
                -- The day of an undated amount moves with each version, and that is no news.
                and (
                    current_legs.business_date = previous.business_date
                    or (current_legs.is_undated and previous.is_undated)
                )
                and current_legs.ar_delta_amount = previous.ar_delta_amount
        end as is_unchanged,
        -- More paid on a later day is a further payment, not a correction of the one before.
        coalesce(
            current_legs.leg = 'PAYMENT'
            and not current_legs.is_blank
            and not previous.is_blank
            and current_legs.context = previous.context
            and current_legs.business_date > previous.business_date
            and current_legs.ar_delta_amount < previous.ar_delta_amount,
            false
        ) as is_further_payment
    from fingerprinted as current_legs
    left join fingerprinted as previous
        on
            current_legs.record_key = previous.record_key
            and current_legs.leg = previous.leg
            and current_legs.version_number = previous.version_number + 1
    {%- if seen %}
    where {{ is_after_batches(seen, 'current_legs') }}
    {%- endif %}
),

events as (
    select
        reversed.record_key,
        paired.version_number,
        reversed.leg,
        'REVERSAL' as event_type,
        reversed.event_type as money_type,
        paired.known_at,
        true as is_correction,
        {{ local_date('paired.known_at', 'paired.source_system') }} as post_date,
        cast(0 - reversed.ar_delta_amount as decimal(18, 2)) as ar_delta_amount,
        reversed.source_system,
        reversed.transaction_id,
        reversed.encounter_id,
        reversed.patient_id,
        reversed.provider_id,
        reversed.department_id,
        reversed.payer_id,
        reversed.payer_group,
        reversed.service_date,
        paired._source_table,
        paired._batch_id
    from paired
    inner join fingerprinted as reversed
        on
            paired.record_key = reversed.record_key
            and paired.leg = reversed.leg
            and paired.previous_version_number = reversed.version_number
    where not paired.is_unchanged and not paired.is_previous_blank and not paired.is_further_payment

    union all

    select
        record_key,
        version_number,
        leg,
        -- The same money of another patient, payer or day is nothing new: it stands beside its reversal.
        case
            when not is_previous_blank and event_type = previous_event_type and ar_delta_amount = previous_amount
                then 'REPOSTING'
            else event_type
        end as event_type,
        event_type as money_type,
        known_at,
        has_posted_before and not is_further_payment as is_correction,
        case
            when has_posted_before and not is_further_payment then {{ local_date('known_at') }}
            else business_date
        end as post_date,
        cast(ar_delta_amount - case when is_further_payment then previous_amount else 0 end as decimal(18, 2))
            as ar_delta_amount,
        source_system,
        transaction_id,
        encounter_id,
        patient_id,
        provider_id,
        department_id,
        payer_id,
        payer_group,
        service_date,
        _source_table,
        _batch_id
    from paired
    where not is_unchanged and not is_blank
),

final as (
    select
        {{ generate_surrogate_key(['record_key', 'version_number', 'leg', 'event_type']) }} as ar_event_key,
        {{ generate_surrogate_key(['source_system']) }} as hospital_key,
        {{ account_key('record_key') }} as account_key,
        {{ durable_key('source_system', 'transaction_id') }} as transaction_key,
        {{ durable_key('source_system', 'patient_id') }} as patient_key,
        {{ durable_key('source_system', 'provider_id') }} as provider_key,
        {{ durable_key('source_system', 'department_id') }} as department_key,
        {{ payer_key('source_system', 'payer_id', 'payer_group') }} as payer_key,
        {{ date_key('post_date') }} as post_date_key,
        payer_group,
        event_type,
        money_type,
        is_correction,
        service_date,
        post_date,
        known_at,
        ar_delta_amount,
        _source_table,
        _batch_id
    from events
)

select * from final
