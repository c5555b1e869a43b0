-- Question: How fresh is each source table?
-- Reading: From the load log, UTC. Last batch is the last load that brought rows; last check the last load tried. A
-- table whose last check failed shows its message, which never quotes data. The declared limits are in models/bronze/;
-- dbt source freshness judges them.
with

loads as (
    select
        load_log.*,
        load_log.table as source_table,
        row_number() over (
            partition by load_log.system, load_log.table order by load_log.started_at desc
        ) as newest_first
    from audit.load_log as load_log
)

select
    system,
    source_table,
    max(case when status = 'committed' then started_at end) as last_batch_at,
    extract(day from (cast(:now as timestamp) - max(case when status = 'committed' then started_at end)))
        as last_batch_days,
    sum(case when status = 'committed' then rows_written else 0 end) as bronze_rows,
    max(started_at) as last_check_at,
    max(case when newest_first = 1 then status end) as last_status,
    max(case when newest_first = 1 then message end) as last_message
from loads
group by system, source_table
order by system, source_table
