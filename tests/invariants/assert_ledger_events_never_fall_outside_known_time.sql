-- Part of invariant 8. A reversal or repost dated before it was known would move a month that is already reported.
select
    ar_event_key,
    post_date,
    known_at,
    event_type
from {{ ref('fct_ar_events') }}
where is_correction and post_date < {{ local_date('known_at', 'hospital_key', by='hospital_key') }}
