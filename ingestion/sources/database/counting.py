"""Counts the rows of a source on the days between two full reads: what an increment cannot see shows in the number.

A row that was deleted, or that came before the lag, changes no increment. Counting is cheap, so a table with
``load.full_every`` is counted after each increment; a difference brings the full read forward.
"""

from ingestion.base.settings import Settings
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import connection_value
from ingestion.sources.database.reading import open_database
from ingestion.sources.database.source import Source
from ingestion.sources.database.window import counted
from ingestion.sources.planned import PlannedLoad, last_watermark


def plan_early_read(settings: Settings, system: SystemSpec, table: TableSpec) -> PlannedLoad | None:
    """A full read if the source has rows that bronze lacks, or the other way round; None where the numbers agree.

    Raises:
        SourceUnavailableError: The source cannot be asked.
    """
    bronze = bronze_table(settings, table)
    batches = bronze.counted_batches()
    watermark = last_watermark(batches)
    if watermark is None:
        return None
    with open_database(connection_value(settings, system)) as source:
        until, after = _rows(source, table, watermark)
    held = bronze.current_rows()
    # Rows that came or were changed since the increment was read are the next one's.
    if until <= held <= until + after:
        return None
    what = "were deleted" if held > until + after else "came late"
    reason = f"reads all early: the source has {until + after:,} rows, bronze {held:,}, so some {what} unseen"
    return PlannedLoad(
        system, table, "load", "full", f"{reason}; commits it if anything differs", watermark, is_early=True
    )


def _rows(source: Source, table: TableSpec, watermark: str) -> tuple[int, int]:
    columns = {column.name.lower(): column for column in source.columns(str(table.load.options["object"]))}
    return counted(source, table, columns[str(table.load.watermark).lower()], watermark)
