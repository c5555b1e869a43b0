"""State of each declared table, from the load log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from ingestion.bronze.audit import AuditLog
from ingestion.declared.specs import SystemSpec


@dataclass(frozen=True)
class TableState:
    """What the load log knows about one table.

    Args:
        rows: Rows in bronze, all batches together.
        last_batch_at: When the newest batch was loaded, UTC without zone; None before the first.
        last_batch_rows: Rows of that batch.
        checked_at: When a load was last tried, UTC without zone.
        status: Its outcome; None if none was tried.
        failures: Failed loads since one last succeeded.
        message: Message of the last load.
    """

    system: str
    table: str
    rows: int
    last_batch_at: datetime | None
    last_batch_rows: int | None
    checked_at: datetime | None
    status: str | None
    failures: int
    message: str | None


def table_states(log: AuditLog, systems: Sequence[SystemSpec]) -> list[TableState]:
    """State of every declared table, in the order of the control table."""
    declared = [(system.name, table.name) for system in systems for table in system.tables]
    with duckdb.connect(":memory:") as engine:
        engine.register("load_log", log.load_table())
        rows = engine.execute(
            """
            with
            attempts as (
                select
                    *,
                    -- A table of many files is well when all of them are.
                    bool_or(status in ('failed', 'conflict')) over (partition by run_id, system, "table") as went_wrong,
                    max(started_at) filter (where status in ('restarted', 'removed'))
                        over (partition by system, "table") as begun_at
                from load_log
                -- What was set aside is no longer in bronze.
                qualify begun_at is null or started_at > begun_at
            ),

            judged as (
                select
                    *,
                    max(started_at) filter (where not went_wrong) over (partition by system, "table") as well_at,
                    status = 'failed' and (well_at is null or started_at > well_at) as is_open_failure
                from attempts
            )

            select
                system,
                "table",
                coalesce(sum(rows_written) filter (where status = 'committed'), 0)::bigint as rows,
                max(started_at) filter (where status = 'committed') as last_batch_at,
                arg_max(rows_written, batch_id) filter (where status = 'committed') as last_batch_rows,
                max(started_at) as checked_at,
                coalesce(max('failed') filter (where is_open_failure), arg_max(status, started_at)) as status,
                count(*) filter (where is_open_failure) as failures,
                nullif(coalesce(
                    arg_max(message, started_at) filter (where is_open_failure),
                    arg_max(coalesce(message, ''), started_at)
                ), '') as message
            from judged
            group by system, "table"
            """
        ).fetchall()
    known = {(row[0], row[1]): TableState(*row) for row in rows}
    return [known.get(pair) or TableState(*pair, 0, None, None, None, None, 0, None) for pair in declared]
