"""Rejected lines of landing files, the dead letters: kept as files that a steward can correct, and redriven."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.base.errors import UnreadableFileError
from ingestion.base.names import shown_file
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze import Batch
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.landing import REJECTS, LandingFile, landing_file, name_of_batch, printable
from ingestion.sources.planned import PlannedLoad
from ingestion.sources.registry import kind_of


def keep_rejects(
    landing: Location, table: TableSpec, file: LandingFile, batch: Batch, batches: Sequence[Batch]
) -> str | None:
    """Write the lines of a file that its batch could not take to rejects/<system>/<table>/<batch id>_<name>.

    Returns what a steward has to do, None if there is nothing. Written between commit and archive; the next run
    completes a run that was killed there.
    """
    lines = [int(str(line)) for line, _ in batch.rejects]
    place = landing / REJECTS / table.system / table.name / name_of_batch(batch.batch_id, _plain_name(file))
    is_redriven = any(other.redrive_of == batch.batch_id for other in batches)
    if not lines or is_redriven:
        return None
    if not place.exists():
        place.write(kind_of(table).records_at(table, file, lines))
    shown = shown_file(printable(place.name), _words(table))
    return f"{len(lines)} of its lines cannot be read; correct {shown} in {REJECTS}/, then rcm redrive"


def plan_redrive(settings: Settings, system: SystemSpec, table: TableSpec) -> list[PlannedLoad]:
    """One load per file of rejected lines of a table.

    Raises:
        IngestionError: The landing folder or the bronze table cannot be read.
    """
    kind = kind_of(table)
    if not kind.keeps_rejects:
        return []
    waiting = (kind.landing(settings, system) / REJECTS / table.system / table.name).find("*")
    batches = {batch.batch_id: batch for batch in bronze_table(settings, table).batches()}
    return [
        _planned(
            system,
            table,
            landing_file(f"{REJECTS}/{table.system}/{table.name}/{name}", place, _words(table)),
            batches,
        )
        for name, place in waiting.items()
        # A killed run left a draft; its file is written again.
        if not name.startswith(".")
    ]


@dataclass(frozen=True)
class WaitingRejects:
    """Rejected lines of one file that were not redriven yet.

    Args:
        table: ``system.table``.
        place: The file a steward corrects, below the landing folder.
        lines: How many lines of its file could not be read.
    """

    table: str
    place: str
    lines: int


def waiting_rejects(settings: Settings, systems: Sequence[SystemSpec]) -> list[WaitingRejects]:
    """Rejected lines that wait for ``rcm redrive``, in the order of the control table.

    Raises:
        IngestionError: A landing folder or bronze table cannot be read.
    """
    return [
        WaitingRejects(table.label, load.file.name, len(load.redrive_of.rejects))
        for system in systems
        for table in system.tables
        for load in plan_redrive(settings, system, table)
        if load.file is not None and load.redrive_of is not None
    ]


def _planned(system: SystemSpec, table: TableSpec, file: LandingFile, batches: dict[str, Batch]) -> PlannedLoad:
    origin = next((batch for key, batch in batches.items() if file.location.name.startswith(f"{key}_")), None)
    if origin is None:
        error = UnreadableFileError(
            f"{file.name}: its name begins with no batch of this table; give it its old name back"
        )
        return PlannedLoad(system, table, "blocked", "incremental", "belongs to no batch", file=file, error=error)
    newer = [
        batch.batch_id
        for batch in batches.values()
        if batch.batch_id > origin.batch_id and _path(batch) == _path(origin) and batch.redrive_of is None
    ]
    if newer:
        error = UnreadableFileError(
            f"{file.name}: {origin.source_file} came again as batch {max(newer)}, which these older lines would "
            "overwrite; remove this file, or send the lines as a new one"
        )
        return PlannedLoad(system, table, "blocked", "redrive", "was corrected meanwhile", file=file, error=error)
    reason = f"rejected lines of batch {origin.batch_id}"
    return PlannedLoad(system, table, "load", "redrive", reason, file=file, redrive_of=origin)


def _path(batch: Batch) -> str | None:
    return batch.source_path or batch.source_file


def _words(table: TableSpec) -> tuple[str, ...]:
    """Declared texts whose words may be shown of a file's name."""
    return (table.system, table.name, *kind_of(table).patterns(table))


def _plain_name(file: LandingFile) -> str:
    return file.location.name.removesuffix(".gz")
