"""Plans a run: which tables are loaded in full or incrementally, from which watermark, and why."""

from collections.abc import Sequence

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings
from ingestion.declared.problems import advice
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.planned import WHAT_IS_NEW, PlannedLoad, Request
from ingestion.sources.registry import kind_of

# One name, several, or None for all.
Names = str | Sequence[str] | None


def selected_tables(
    systems: Sequence[SystemSpec], source: Names = None, table: Names = None
) -> list[tuple[SystemSpec, TableSpec]]:
    """Tables of the control table that a run is about, in its order.

    Raises:
        SpecError: A name is no system, or no table of the systems; one line per name.
    """
    chosen = [system for system in systems if source is None or system.name in _names(source)]
    offered = [(system, spec) for system in chosen for spec in system.tables]
    problems = _unknown("--source", "system", source, [system.name for system in systems])
    # What tables there are depends on the systems.
    problems = problems or _unknown("--table", "table", table, [spec.name for _, spec in offered])
    if problems:
        raise SpecError(problems)
    return [(system, spec) for system, spec in offered if table is None or spec.name in _names(table)]


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _unknown(option: str, what: str, given: Names, known: Sequence[str]) -> list[str]:
    wrong = [] if given is None else [name for name in _names(given) if name not in known]
    return [f"{option} {name}: no such {what}; {advice(name, known)}" for name in dict.fromkeys(wrong)]


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
