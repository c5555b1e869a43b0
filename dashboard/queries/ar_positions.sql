-- Question: What was owed on the chosen day, as known then, as restated now, as signed?
-- Reading: Debit balances less credit balances, USD. As known then counts what is posted up to the day and was known
-- by its end; as restated now counts all that is posted up to the day, whenever it became known; as signed is the
-- close in force, where the month is closed. The payer group, if one is chosen, counts; the basis does not.
-- Contracts: ar_balance
-- Uses: hospitals, as_of
with

positions as (
    select
        events.hospital_key,
        sum(
            case when cast(events.known_at as date) <= as_of.as_of_date then events.ar_delta_amount else 0 end
        ) as known_then_amount,
        sum(events.ar_delta_amount) as restated_now_amount
    from gold.fct_ar_events as events
    inner join as_of on events.hospital_key = as_of.hospital_key
    where
        events.post_date <= as_of.as_of_date
        and (:payer_group = 'all' or events.payer_group = :payer_group)
    group by events.hospital_key
),

signed as (
    select
        hospital_key,
        sum(closing_amount) as signed_amount
    from gold.fct_month_close
    where is_in_force and month_key = :month and (:payer_group = 'all' or payer_group = :payer_group)
    group by hospital_key
)

select
    as_of.hospital_name,
    as_of.as_of_date,
    as_of.is_complete,
    coalesce(positions.known_then_amount, 0) as known_then_amount,
    coalesce(positions.restated_now_amount, 0) as restated_now_amount,
    signed.signed_amount
from as_of
left join positions on as_of.hospital_key = positions.hospital_key
left join signed on as_of.hospital_key = signed.hospital_key
order by as_of.hospital_name
