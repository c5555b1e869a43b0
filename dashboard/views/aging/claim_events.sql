-- Question: What became of this claim, step by step?
-- Reading: Changes of its status in the order in which the source dates them.
select
    events.sequence_number,
    events.status_date,
    events.claim_status,
    events.previous_claim_status,
    events.days_since_previous,
    events.is_first_adjudication
from gold.fct_claim_status_events as events
inner join gold.dim_hospital as hospitals on events.hospital_key = hospitals.hospital_key
where events.claim_key = :claim and :hospital in ('All hospitals', hospitals.hospital_name)
order by events.sequence_number
