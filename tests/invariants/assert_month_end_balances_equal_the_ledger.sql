-- Invariant 5. A difference is A/R that the month-end report shows and the ledger does not hold, or the reverse.
with

-- As known then, from the ledger itself.
known_ledger as (
    select
        events.hospital_key,
        months.month_key,
        sum(events.ar_delta_amount) as known_amount
    from {{ ref('dim_ledger_month') }} as months
    inner join {{ ref('fct_ar_events') }} as events
        on
            months.hospital_key = events.hospital_key
            and months.as_of_date >= events.post_date
            and months.as_of_date >= {{ local_date('events.known_at', 'events.hospital_key', by='hospital_key') }}
    group by events.hospital_key, months.month_key
),

known_balances as (
    select
        hospital_key,
        month_key,
        sum(balance_amount) as known_amount
    from {{ ref('fct_ar_balances_monthly') }}
    where basis = 'known'
    group by hospital_key, month_key
),

ledger as (
    select
        events.hospital_key,
        months.month_key,
        sum(events.ar_delta_amount) as ledger_amount
    from {{ ref('dim_ledger_month') }} as months
    inner join {{ ref('fct_ar_events') }} as events
        on months.hospital_key = events.hospital_key and months.as_of_date >= events.post_date
    group by events.hospital_key, months.month_key
),

snapshot_balances as (
    select
        hospital_key,
        month_key,
        sum(balance_amount) as snapshot_amount
    from {{ ref('fct_ar_snapshot_monthly') }}
    group by hospital_key, month_key
),

aging as (
    select
        hospital_key,
        month_key,
        sum(debit_amount - credit_amount) as aging_amount
    from {{ ref('kpi_ar_aging') }}
    group by hospital_key, month_key
),

days as (
    select
        hospital_key,
        month_key,
        ar_amount
    from {{ ref('kpi_days_in_ar') }}
)

select
    ledger.hospital_key,
    ledger.month_key,
    ledger.ledger_amount,
    snapshot_balances.snapshot_amount,
    aging.aging_amount,
    days.ar_amount,
    known_ledger.known_amount as known_ledger_amount,
    known_balances.known_amount
from ledger
left join snapshot_balances
    on ledger.hospital_key = snapshot_balances.hospital_key and ledger.month_key = snapshot_balances.month_key
left join aging on ledger.hospital_key = aging.hospital_key and ledger.month_key = aging.month_key
left join days on ledger.hospital_key = days.hospital_key and ledger.month_key = days.month_key
left join known_ledger on ledger.hospital_key = known_ledger.hospital_key and ledger.month_key = known_ledger.month_key
left join known_balances
    on ledger.hospital_key = known_balances.hospital_key and ledger.month_key = known_balances.month_key
where
    ledger.ledger_amount <> coalesce(snapshot_balances.snapshot_amount, 0)
    or ledger.ledger_amount <> coalesce(aging.aging_amount, 0)
    or ledger.ledger_amount <> coalesce(days.ar_amount, 0)
    or coalesce(known_ledger.known_amount, 0) <> coalesce(known_balances.known_amount, 0)
