-- Invariant 3. A difference means that the ledger bills an account other than what its charge lines, payments and
-- adjustments say it owes: a patient or payer is billed for money that is not due, or never billed for what is.
with

lines as (
    select
        case
            when encounter_id is not null then {{ generate_surrogate_key(['source_system', 'encounter_id']) }}
            else {{ generate_surrogate_key(['source_system', "'charge line'", 'transaction_id']) }}
        end as account_key,
        coalesce(charge_amount, 0) - coalesce(paid_amount, 0) as balance_amount
    from {{ ref('cdm_transactions') }}

    union all

    select
        case
            when encounter_id is not null then {{ generate_surrogate_key(['source_system', 'encounter_id']) }}
            when transaction_id is not null
                then {{ generate_surrogate_key(['source_system', "'charge line'", 'transaction_id']) }}
            else adjustment_key
        end as account_key,
        case
            when adjustment_type in ('DENIAL', 'TRANSFER') then 0
            when adjustment_type = 'REFUND' then adjustment_amount
            else 0 - adjustment_amount
        end as balance_amount
    from {{ ref('cdm_adjustments') }}
),

accounts as (
    select
        account_key,
        sum(balance_amount) as balance_amount
    from lines
    group by account_key
),

ledger as (
    select
        account_key,
        sum(ar_delta_amount) as balance_amount
    from {{ ref('fct_ar_events') }}
    group by account_key
)

select
    ledger.account_key as ledger_account_key,
    accounts.account_key as silver_account_key,
    ledger.balance_amount as ledger_amount,
    accounts.balance_amount as silver_amount
from ledger
full outer join accounts on ledger.account_key = accounts.account_key
where coalesce(ledger.balance_amount, 0) <> coalesce(accounts.balance_amount, 0)
