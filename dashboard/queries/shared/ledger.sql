-- Reading: Ledger events of the chosen hospitals up to the chosen day; as known, only what was known by its end.
select
    events.*,
    as_of.hospital_name,
    as_of.month_key,
    as_of.as_of_date
from gold.fct_ar_events as events
inner join as_of on events.hospital_key = as_of.hospital_key
where
    events.post_date <= as_of.as_of_date
    and (:basis = 'restated' or cast(events.known_at as date) <= as_of.as_of_date)
