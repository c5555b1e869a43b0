-- Question: What did each run load, and how long did it take?
-- Reading: The last 50 runs of rcm that tried a load, newest first, from the load log. Load seconds add up the tables'
-- own times, which overlap: several load at once. Rows read are what sources returned, new rows what bronze did not
-- hold yet.
select
    run_id,
    min(started_at) as started_at,
    count(*) as loads,
    count(*) filter (where status = 'committed') as batches,
    count(*) filter (where status in ('failed', 'conflict')) as failed_loads,
    sum(seconds) as load_seconds,
    max(seconds) as longest_seconds,
    sum(rows_read) as read_rows,
    sum(rows_written) as new_rows,
    sum(rows_duplicate) as known_rows,
    sum(rows_rejected) as rejected_rows
from audit.load_log
group by run_id
order by started_at desc
limit 50
