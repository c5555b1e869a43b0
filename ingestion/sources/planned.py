"""Planned loads of one table: full or incremental, from which watermark, and why."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.messages import one_line
from ingestion.base.settings import Settings
from ingestion.bronze import Batch
from ingestion.bronze.extraction import LoadType
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.declared.watermark import Window, lower_bound
from ingestion.sources.landing import LandingFile, waiting_files
from ingestion.sources.places import RELEASES, bulk_folder, landing_folder, release_of
from ingestion.sources.providers.npi_bulk import waiting_bulk

# Loads that move the watermark: a backfill does not.
WATERMARKED = ("full", "incremental")


Action = Literal["load", "archive", "nothing", "inactive", "blocked"]


@dataclass(frozen=True)
class PlannedLoad:
    """One load that a run would do, or why it would do none.

    Args:
        action: ``archive`` is a file that was loaded before; ``blocked`` a table that cannot be planned.
        load_type: ``full`` reads the whole source, ``incremental`` what is new, ``backfill`` a range of the past.
        watermark_low: Watermark of the last committed batch, before the lag; first watermark of a backfill.
        watermark_until: Last watermark of a backfill.
        reads_from: Least watermark that an increment reads: that of the last batch, less the lag.
        reason: Why, for people.
        redrive_of: Batch whose rejected lines the file holds.
        error: What blocks the table.
    """

    system: SystemSpec
    table: TableSpec
    action: Action
    load_type: LoadType
    reason: str
    watermark_low: str | None = None
    watermark_until: str | None = None
    reads_from: str | None = None
    file: LandingFile | None = None
    redrive_of: Batch | None = None
    error: Exception | None = None

    @property
    def problem(self) -> str | None:
        """What blocks the table, in one line."""
        return one_line(self.error, self.file.name if self.file else None) if self.error else None

    @property
    def explanation(self) -> str:
        """What is decided and why, for people, in one line."""
        if self.problem is not None:
            return self.problem
        return f"{self.file.name}: {self.reason}" if self.file is not None else self.reason

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to do because bronze has all there is, and not because nothing was there to read."""
        return self.table.load.extractor in RELEASES

    @property
    def window(self) -> Window:
        """What a load of a watermarked table reads."""
        if self.load_type == "redrive":
            raise AssertionError("a redrive reads a file")
        return Window(self.load_type, self.watermark_low, self.watermark_until)


@dataclass(frozen=True)
class Request:
    """What a run was asked for.

    Args:
        full: Read everything again.
        since: First watermark of a backfill; None where it has no beginning.
        until: Last watermark of a backfill; None where it has no end.
    """

    full: bool = False
    since: str | None = None
    until: str | None = None

    @property
    def is_backfill(self) -> bool:
        """Whether a range was asked for."""
        return self.since is not None or self.until is not None


WHAT_IS_NEW = Request()


def plan_table(
    settings: Settings, system: SystemSpec, table: TableSpec, request: Request = WHAT_IS_NEW
) -> list[PlannedLoad]:
    """Loads of one table: one, or one per file that waits.

    Raises:
        IngestionError: The source's folder or the bronze table cannot be read.
    """
    if not table.load.active:
        return [
            PlannedLoad(
                system, table, "inactive", table.load.mode, "skipped: load.active is false in the control table"
            )
        ]
    if request.is_backfill:
        return [_plan_backfill(system, table, request)]
    batches = bronze_table(settings, table).batches()
    if table.kind == "files":
        return _plan_files(settings, system, table, batches)
    if table.load.extractor in RELEASES:
        release = release_of(settings, system, table)
        return [_plan_release(system, table, batches, release, full=request.full)]
    if table.load.bulk is not None and (waiting := waiting_bulk(bulk_folder(settings), table)):
        return [_plan_bulk(system, table, batches, file) for file in waiting]
    if table.load.full_every is not None and not request.full:
        return [_plan_reconciled(settings, system, table, batches)]
    return [_plan_load(system, table, batches, full=request.full)]


def _plan_backfill(system: SystemSpec, table: TableSpec, request: Request) -> PlannedLoad:
    if table.kind != "database" or table.load.watermark is None:
        reason = "has no watermark in a database, so it has no range to read again"
        return PlannedLoad(system, table, "nothing", table.load.mode, reason)
    reason = f"{table.load.watermark} from {request.since or 'the beginning'} to {request.until or 'the end'}"
    reason += "; known rows are dropped, the watermark stays"
    return PlannedLoad(system, table, "load", "backfill", reason, request.since, watermark_until=request.until)


def _plan_reconciled(settings: Settings, system: SystemSpec, table: TableSpec, batches: list[Batch]) -> PlannedLoad:
    """An increment, or the full read that is due: it finds what no watermark shows, deletions first."""
    planned = _plan_load(system, table, batches, full=False)
    if planned.load_type == "full" or table.load.full_every is None:
        return planned
    # A full read that found no difference has no commit, only a line in the log.
    last = audit_log(settings).last_full_read(table.system, table.name)
    if last is not None and last + table.load.full_every > datetime.now(UTC).replace(tzinfo=None):
        due = f"{last + table.load.full_every:%Y-%m-%d %H:%M}"
        return replace(planned, reason=f"{planned.reason}; reads all to reconcile from {due} on")
    before = f"the last time was {last:%Y-%m-%d %H:%M}" if last is not None else "it never was so far"
    reason = f"reads all to reconcile, which is due every {_words(table.load.full_every)} and {before}"
    return replace(planned, load_type="full", reason=f"{reason}; commits it if anything differs", reads_from=None)


def _plan_load(system: SystemSpec, table: TableSpec, batches: list[Batch], *, full: bool) -> PlannedLoad:
    if not batches and table.load.extractor is None:
        return PlannedLoad(system, table, "load", "full", "first load: bronze holds no batch of it")
    watermark = next(
        (batch.watermark_high for batch in batches if batch.watermark_high and batch.load_type in WATERMARKED), None
    )
    if full:
        return PlannedLoad(
            system, table, "load", "full", "reads all, as --full asks; commits it if anything differs", watermark
        )
    if table.load.mode == "full":
        return PlannedLoad(
            system, table, "load", "full", "reads all, as its mode is full; commits it if anything differs"
        )
    if table.load.extractor is not None:
        return PlannedLoad(system, table, "load", "incremental", "asks for providers' numbers not in bronze yet")
    if watermark is None:
        return PlannedLoad(system, table, "load", "full", "no batch so far had a watermark")
    lag = f", less a lag of {_words(table.load.lag)} for rows that come late" if table.load.lag else ""
    bound = _bound(table, watermark)
    reason = f"{table.load.watermark} from {bound or watermark} on: the last batch reached {watermark}{lag}"
    reason += "; rows that bronze holds are dropped"
    return PlannedLoad(system, table, "load", "incremental", reason, watermark, reads_from=bound)


def _bound(table: TableSpec, watermark: str) -> str | None:
    """The least watermark that is read; None where the last one is no value of its type, which the load then tells."""
    try:
        return str(lower_bound(watermark, table.watermark_type or "", table.load.lag))
    except ValueError:
        return None


def _words(duration: timedelta) -> str:
    """A duration for people: 2 days, 6 hours."""
    units = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))
    name, unit = next(((name, unit) for name, unit in units if duration >= unit), ("second", timedelta(seconds=1)))
    count = duration / unit
    return f"{count:g} {name}{'' if count == 1 else 's'}"


def _plan_release(
    system: SystemSpec, table: TableSpec, batches: list[Batch], release: str, *, full: bool
) -> PlannedLoad:
    if batches and batches[0].watermark_high == release and not full:
        return PlannedLoad(
            system, table, "nothing", "full", f"skipped: release {release} is in bronze; --full reads it again"
        )
    return PlannedLoad(
        system,
        table,
        "load",
        "full",
        f"reads release {release}, which bronze does not hold"
        if not full
        else f"reads release {release} again, as --full asks",
    )


def _plan_bulk(system: SystemSpec, table: TableSpec, batches: list[Batch], file: LandingFile) -> PlannedLoad:
    if any(batch.file_sha256 == file.sha256 for batch in batches):
        return PlannedLoad(system, table, "archive", "incremental", _known(batches, file), file=file)
    reason = "dissemination file, in place of the API: keeps the numbers that providers have"
    return PlannedLoad(system, table, "load", "incremental", reason, file=file)


def _plan_files(settings: Settings, system: SystemSpec, table: TableSpec, batches: list[Batch]) -> list[PlannedLoad]:
    landing = landing_folder(settings, system)
    if landing.is_missing_folder and settings.values.get(system.connection.env):
        raise SourceUnavailableError(f"{landing}: is no folder; mount it, make it, or correct {system.connection.env}")
    planned: list[PlannedLoad] = []
    loaded = [batch.file_sha256 for batch in reversed(batches)]
    for file in waiting_files(landing, table):
        # Two copies in one folder are one content; of lists that replace each other only the last one counts.
        if file.sha256 in (loaded[-1:] if table.load.mode == "full" else loaded):
            planned.append(PlannedLoad(system, table, "archive", table.load.mode, _known(batches, file), file=file))
        else:
            effect = "replaces the whole table" if table.load.mode == "full" else "adds to the table"
            planned.append(PlannedLoad(system, table, "load", table.load.mode, f"new file, {effect}", file=file))
            loaded.append(file.sha256)
    return planned or [PlannedLoad(system, table, "nothing", table.load.mode, f"no file waits as {table.load.files}")]


def _known(batches: list[Batch], file: LandingFile) -> str:
    """Why a file is not loaded again, and which load had it."""
    batch = next((batch for batch in batches if batch.file_sha256 == file.sha256), None)
    if batch is None:
        return "skipped: its bytes wait in another file, too, which is loaded; the file is archived"
    return f"skipped: its bytes were loaded on {batch.started_at[:10]} as batch {batch.batch_id}; the file is archived"
