-- Question: What went wrong lately?
-- Reading: The last 100 loads that failed, met another run, or had a warning, newest first. Messages name tables,
-- columns and counts, never a value.
select
    started_at,
    system,
    load_log.table as source_table,
    status,
    error_class,
    checks_failed,
    rows_rejected as rejected_rows,
    message,
    source_file
from audit.load_log as load_log
where status in ('failed', 'conflict') or message is not null or checks_failed is not null or rows_rejected > 0
order by started_at desc, system, source_table
limit 100
