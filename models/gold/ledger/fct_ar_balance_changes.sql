-- What changed accounts receivable, when, as seen on each basis: A/R as of any day is the sum of one basis up to it.
-- Restated is all that is known now; known, what had become known by that day; signed, what finance closed.
with

events as (
    select
        *,
        {{ local_date('known_at', 'hospital_key', by='hospital_key') }} as known_date
    from {{ within_warehouse(ref('fct_ar_events')) }}
),

closes as (
    select
        hospital_key,
        payer_group,
        month_end_date,
        closing_amount - coalesce(lag(closing_amount) over (
            partition by hospital_key, payer_group order by month_key
        ), 0) as ar_delta_amount
    from {{ within_warehouse(ref('fct_ar_rollforward_monthly')) }}
    where close_version is not null
),

final as (
    {%- for basis, effective_date in [
        ('restated', 'post_date'), ('known', 'greatest(post_date, known_date)')
    ] %}
    select
        '{{ basis }}' as basis,
        {{ effective_date }} as effective_date,
        hospital_key,
        account_key,
        payer_group,
        payer_key,
        provider_key,
        department_key,
        transaction_key,
        ar_event_key,
        event_type,
        money_type,
        is_correction,
        service_date,
        post_date,
        known_at,
        ar_delta_amount
    from events

    union all
    {% endfor %}
    select
        'signed' as basis,
        month_end_date as effective_date,
        hospital_key,
        cast(null as string) as account_key,
        payer_group,
        cast(null as string) as payer_key,
        cast(null as string) as provider_key,
        cast(null as string) as department_key,
        cast(null as string) as transaction_key,
        cast(null as string) as ar_event_key,
        cast(null as string) as event_type,
        cast(null as string) as money_type,
        cast(null as boolean) as is_correction,
        cast(null as date) as service_date,
        cast(null as date) as post_date,
        cast(null as timestamp) as known_at,
        cast(ar_delta_amount as decimal(18, 2)) as ar_delta_amount
    from closes
)

select * from final
