-- Question: Which tables cost the time?
-- Reading: Every load of a table that is in the load log: how often, how long, how many rows, and how fast those that
-- brought rows were.
select
    system,
    load_log.table as source_table,
    count(*) as loads,
    count(*) filter (where status in ('failed', 'conflict')) as failed_loads,
    sum(seconds) as load_seconds,
    max(seconds) as longest_seconds,
    sum(rows_read) as read_rows,
    sum(rows_written) as new_rows,
    sum(rows_rejected) as rejected_rows,
    sum(case when rows_written > 0 then rows_read else 0 end)
    / nullif(sum(case when rows_written > 0 then seconds else 0 end), 0) as rows_per_second
from audit.load_log as load_log
group by system, load_log.table
order by load_seconds desc, system, source_table
