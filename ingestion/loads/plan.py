"""Plans a run: which tables are loaded in full or incrementally, from which watermark, and why."""

from collections.abc import Sequence

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.planned import WHAT_IS_NEW, PlannedLoad, Request
from ingestion.sources.registry import kind_of


def selected_tables(
    systems: Sequence[SystemSpec], source: str | None = None, table: str | None = None
) -> list[tuple[SystemSpec, TableSpec]]:
    """Tables of the control table that a run is about.

    Raises:
        SpecError: No such source or table.
    """
    names = [system.name for system in systems]
    if source is not None and source not in names:
        raise SpecError([f"--source {source}: no such system; write one of {', '.join(names)}"])
    chosen = [system for system in systems if source in (None, system.name)]
    tables = [(system, spec) for system in chosen for spec in system.tables if table in (None, spec.name)]
    if not tables:
        known = sorted({spec.name for system in chosen for spec in system.tables})
        raise SpecError([f"--table {table}: no such table; write one of {', '.join(known)}"])
    return tables


def plan_all(
    settings: Settings, tables: Sequence[tuple[SystemSpec, TableSpec]], request: Request = WHAT_IS_NEW
) -> list[PlannedLoad]:
    """Loads of many tables; one that cannot be planned is in the list as blocked.

    Raises:
        SourceUnavailableError: The lakehouse cannot be reached.
    """
    settings.lakehouse.check()
    planned: list[PlannedLoad] = []
    for system, table in tables:
        try:
            planned += plan_table(settings, system, table, request)
        except Exception as error:  # noqa: BLE001 - one broken table must not hide the plan of the others
            planned.append(PlannedLoad(system, table, "blocked", table.load.mode, "cannot be planned", error=error))
    return planned


def plan_table(
    settings: Settings, system: SystemSpec, table: TableSpec, request: Request = WHAT_IS_NEW
) -> list[PlannedLoad]:
    """Loads of one table: one, or one per file that waits.

    Raises:
        IngestionError: The source's folder or the bronze table cannot be read.
    """
    mode = table.load.mode
    if not table.load.active:
        reason = "skipped: load.active is false in the control table"
        return [PlannedLoad(system, table, "inactive", mode, reason)]
    kind = kind_of(table)
    if request.is_backfill and not (kind.reads_ranges and table.load.watermark):
        reason = "has no watermark in a database, so it has no range to read again"
        return [PlannedLoad(system, table, "nothing", mode, reason)]
    return kind.plan(settings, system, table, request)
