-- The ledger. A version of a charge line that changes money, date, account or payer reverses what the version before it
-- posted and posts anew, dated when the change became known: what was posted once never changes.
with

versions as (
    select
        transaction_key,
        source_system,
        version_number,
        dbt_valid_from as known_at,
        cast(dbt_valid_from as date) as known_date,
        is_deleted,
        encounter_id,
        patient_id,
        provider_id,
        department_id,
        payer_id,
        coalesce(payer_group, 'Unknown') as payer_group,
        payment_source,
        service_date,
        paid_date,
        coalesce(charge_amount, 0) as charge_amount,
        coalesce(paid_amount, 0) as paid_amount
    from {{ ref('transactions_history') }}
),

-- A charge line carries two legs: what was charged and what was paid on it.
legs as (
    select
        *,
        'CHARGE' as leg,
        'CHARGE' as event_type,
        service_date as business_date,
        cast(charge_amount as decimal(18, 2)) as ar_delta_amount
    from versions

    union all

    select
        *,
        'PAYMENT' as leg,
        case when payment_source = 'patient' then 'PAYMENT_PATIENT' else 'PAYMENT_INSURANCE' end as event_type,
        coalesce(paid_date, known_date) as business_date,
        cast(-paid_amount as decimal(18, 2)) as ar_delta_amount
    from versions
),

fingerprinted as (
    select
        *,
        case
            when is_deleted or ar_delta_amount = 0 then 'nothing posted'
            else {{ generate_surrogate_key([
                'event_type', 'business_date', 'ar_delta_amount', 'encounter_id', 'patient_id', 'provider_id',
                'department_id', 'payer_id', 'payer_group', 'service_date'
            ]) }}
        end as fingerprint
    from legs
),

paired as (
    select
        legs.*,
        previous.version_number as previous_version_number,
        coalesce(previous.fingerprint, 'nothing posted') as previous_fingerprint
    from fingerprinted as legs
    left join fingerprinted as previous
        on
            legs.transaction_key = previous.transaction_key
            and legs.leg = previous.leg
            and legs.version_number = previous.version_number + 1
),

reversals as (
    select
        reversed.transaction_key,
        paired.version_number,
        reversed.leg,
        'REVERSAL' as event_type,
        reversed.event_type as reversed_event_type,
        paired.known_at,
        paired.known_date as post_date,
        cast(-reversed.ar_delta_amount as decimal(18, 2)) as ar_delta_amount,
        reversed.source_system,
        reversed.encounter_id,
        reversed.patient_id,
        reversed.provider_id,
        reversed.department_id,
        reversed.payer_id,
        reversed.payer_group,
        reversed.service_date
    from paired
    inner join fingerprinted as reversed
        on
            paired.transaction_key = reversed.transaction_key
            and paired.leg = reversed.leg
            and paired.previous_version_number = reversed.version_number
    where
        paired.fingerprint <> paired.previous_fingerprint
        and paired.previous_fingerprint <> 'nothing posted'
),

postings as (
    select
        transaction_key,
        version_number,
        leg,
        event_type,
        cast(null as string) as reversed_event_type,
        known_at,
        case when previous_fingerprint = 'nothing posted' then business_date else known_date end as post_date,
        ar_delta_amount,
        source_system,
        encounter_id,
        patient_id,
        provider_id,
        department_id,
        payer_id,
        payer_group,
        service_date
    from paired
    where fingerprint <> previous_fingerprint and fingerprint <> 'nothing posted'
),

events as (
    select * from reversals
    union all
    select * from postings
),

keyed as (
    select
        *,
        {{ generate_surrogate_key(['source_system', 'patient_id']) }} as patient_key,
        {{ generate_surrogate_key(['source_system', 'provider_id']) }} as provider_key,
        {{ generate_surrogate_key(['source_system', 'department_id']) }} as department_key
    from events
),

final as (
    select
        {{ generate_surrogate_key([
            'keyed.transaction_key', 'keyed.version_number', 'keyed.leg', 'keyed.event_type'
        ]) }} as ar_event_key,
        {{ generate_surrogate_key(['keyed.source_system']) }} as hospital_key,
        -- The account is the encounter; a line without one is an account of its own.
        case
            when keyed.encounter_id is null then keyed.transaction_key
            else {{ generate_surrogate_key(['keyed.source_system', 'keyed.encounter_id']) }}
        end as account_key,
        keyed.transaction_key,
        {{ member('dim_patient.patient_version_key', 'keyed.patient_id') }} as patient_version_key,
        {{ member('dim_provider.provider_version_key', 'keyed.provider_id') }} as provider_version_key,
        {{ member('dim_department.department_version_key', 'keyed.department_id') }} as department_version_key,
        {{ payer_key('keyed.source_system', 'keyed.payer_id', 'keyed.payer_group') }} as payer_key,
        {{ date_key('keyed.post_date') }} as post_date_key,
        keyed.payer_group,
        keyed.event_type,
        coalesce(keyed.reversed_event_type, keyed.event_type) as money_type,
        keyed.service_date,
        keyed.post_date,
        keyed.known_at,
        keyed.ar_delta_amount
    from keyed
    {{ join_as_of('dim_patient', 'patient_key', 'keyed.patient_key', 'keyed.service_date') }}
    {{ join_as_of('dim_provider', 'provider_key', 'keyed.provider_key', 'keyed.service_date') }}
    {{ join_as_of('dim_department', 'department_key', 'keyed.department_key', 'keyed.service_date') }}
)

select * from final
