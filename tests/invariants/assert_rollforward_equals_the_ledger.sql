-- Invariants 5 and 6. A/R that the roll-forward shows and the events do not add up to was lost or invented between the
-- two; a transfer that does not net to zero creates a receivable that nobody owes.
with

months as (
    select
        hospital_key,
        month_key,
        month_end_date
    from {{ ref('dim_ledger_month') }}
),

ledger as (
    select
        months.hospital_key,
        months.month_key,
        sum(events.ar_delta_amount) as ledger_amount
    from months
    inner join {{ ref('fct_ar_events') }} as events
        on months.hospital_key = events.hospital_key and months.month_end_date >= events.post_date
    group by months.hospital_key, months.month_key
),

-- With their reversals: a transfer whose target was corrected changes only one leg.
transfers as (
    select
        hospital_key,
        {{ month_key('post_date') }} as month_key,
        sum(ar_delta_amount) as transfer_amount
    from {{ ref('fct_ar_events') }}
    where money_type = 'TRANSFER'
    group by hospital_key, {{ month_key('post_date') }}
),

rollforward as (
    select
        hospital_key,
        month_key,
        max(case when is_closed then 1 else 0 end) as closed,
        sum(closing_amount) as closing_amount,
        sum(restated_closing_amount) as restated_closing_amount
    from {{ ref('fct_ar_rollforward_monthly') }}
    group by hospital_key, month_key
)

select
    months.hospital_key,
    months.month_key,
    ledger.ledger_amount,
    rollforward.closing_amount,
    rollforward.restated_closing_amount,
    transfers.transfer_amount
from months
left join ledger on months.hospital_key = ledger.hospital_key and months.month_key = ledger.month_key
left join rollforward on months.hospital_key = rollforward.hospital_key and months.month_key = rollforward.month_key
left join transfers on months.hospital_key = transfers.hospital_key and months.month_key = transfers.month_key
where
    rollforward.month_key is null
    or rollforward.restated_closing_amount <> coalesce(ledger.ledger_amount, 0)
    or (rollforward.closed = 0 and rollforward.closing_amount <> rollforward.restated_closing_amount)
    or transfers.transfer_amount <> 0
