"""Runs the planned loads: tables at once in threads, each outcome in the log, one failure leaving the rest going."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex

import pyarrow as pa
from deltalake.exceptions import DeltaError

from ingestion.base.errors import (
    BorderRejectedError,
    IngestionError,
    LoadConflictError,
)
from ingestion.base.messages import one_line
from ingestion.base.settings import Settings
from ingestion.bronze import BATCH_TIME, Batch, BronzeTable, Checks, Draft, Inspection, batch_of_file
from ingestion.bronze.audit import AuditLog, LoadResult
from ingestion.bronze.border import check_batch
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.bronze.set_aside import tables_set_aside
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.loads.plan import Names, plan_table, selected_tables
from ingestion.loads.progress import NullProgress, Progress
from ingestion.loads.redrive import keep_rejects, plan_redrive
from ingestion.loads.unclaimed import unclaimed_files
from ingestion.loads.verification import keep_checksums
from ingestion.sources.landing import archive_file
from ingestion.sources.planned import WHAT_IS_NEW, PlannedLoad, Request
from ingestion.sources.registry import kind_of


@dataclass(frozen=True)
class IngestSummary:
    """Outcome of one run: a result per load, in the order of the control table.

    Args:
        run_id: The run.
        results: Its loads.
        seconds: Its duration.
        unlogged: What kept the outcome out of the load log; the next run writes the commits down.
        unclaimed: Files of the landing folders that match no pattern of the control table.
    """

    run_id: str
    results: tuple[LoadResult, ...]
    seconds: float
    unlogged: str | None = None
    unclaimed: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any load failed, or the log of them."""
        return self.unlogged is not None or any(result.status == "failed" for result in self.results)

    @property
    def changed(self) -> bool:
        """Whether any batch was committed."""
        return any(result.status == "committed" for result in self.results)


# Outcomes of a load that read its source.
_READ = ("committed", "unchanged")
# Decides the loads of one table.
Planner = Callable[[SystemSpec, TableSpec], list[PlannedLoad]]


@dataclass(frozen=True)
class _Run:
    settings: Settings
    systems: Sequence[SystemSpec]
    run_id: str
    plan: Planner
    progress: Progress


def ingest(
    settings: Settings,
    systems: Sequence[SystemSpec],
    *,
    source: Names = None,
    table: Names = None,
    request: Request = WHAT_IS_NEW,
    progress: Progress | None = None,
) -> IngestSummary:
    """Load what is new of every selected table into bronze, and log every outcome.

    Commits that an earlier run could not log are logged first. Tables that read what others have in bronze, such as
    the provider registry, come last.

    Raises:
        SourceUnavailableError: The lakehouse cannot be reached.
        SpecError: No such source or table.
    """

    def plan(system: SystemSpec, table: TableSpec) -> list[PlannedLoad]:
        return plan_table(settings, system, table, request)

    chosen = selected_tables(systems, source, table)
    run = _Run(settings, systems, _run_id(), plan, progress or NullProgress())
    summary = _load_all(run, chosen)
    return replace(summary, unclaimed=unclaimed_files(settings, systems, [system for system, _ in chosen]))


def redrive(
    settings: Settings,
    systems: Sequence[SystemSpec],
    *,
    source: Names = None,
    table: Names = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """Take the rejected lines of files again, as they are in landing/rejects/ by now, and log every outcome.

    Raises:
        SpecError: No such source or table.
    """

    def plan(system: SystemSpec, table: TableSpec) -> list[PlannedLoad]:
        return plan_redrive(settings, system, table)

    chosen = selected_tables(systems, source, table)
    run = _Run(settings, systems, _run_id(), plan, progress or NullProgress())
    return _load_all(run, chosen)


def _load_all(run: _Run, chosen: Sequence[tuple[SystemSpec, TableSpec]]) -> IngestSummary:
    started = time.monotonic()
    run.progress.run_started(run.run_id)
    run.settings.lakehouse.make_folder()
    log = audit_log(run.settings)
    everything = [bronze_table(run.settings, spec) for system in run.systems for spec in system.tables]
    log.catch_up(batch for bronze in everything for batch in _readable_batches(bronze))
    log.append(entry.result for entry, _ in tables_set_aside(run.settings))
    for bronze in everything:
        bronze.add_lineage()
    waves = ([pair for pair in chosen if kind_of(pair[1]).loads_last is last] for last in (False, True))
    results: list[LoadResult] = []
    with ThreadPoolExecutor(run.settings.variables.threads, thread_name_prefix="load") as pool:
        for wave in waves:
            for outcome in pool.map(lambda pair: _load_table(run, *pair), wave):
                results += outcome
    unlogged = _log_problem(log, results, everything)
    keep_checksums(run.settings)
    seconds = round(time.monotonic() - started, 3)
    run.progress.run_finished(results, seconds)
    return IngestSummary(run.run_id, tuple(results), seconds, unlogged)


def _log_problem(log: AuditLog, results: Sequence[LoadResult], everything: Sequence[BronzeTable]) -> str | None:
    """Log the outcomes; returns the failure of logging, which must be reported although the loads are committed."""
    written = {result.batch_id for result in results if result.rows_rejected and result.batch_id}
    try:
        log.append(results)
        log.note_rejects(
            batch
            for bronze in everything
            for batch in _readable_batches(bronze)
            if written and batch.batch_id in written
        )
    except IngestionError as error:
        return str(error)
    return None


def _readable_batches(bronze: BronzeTable) -> list[Batch]:
    """Batches of a table, none where its log is broken: its own load reports that."""
    try:
        return bronze.batches()
    except Exception:  # noqa: BLE001 - any fault of one table's log
        return []


def _load_table(run: _Run, system: SystemSpec, table: TableSpec) -> list[LoadResult]:
    """Plan and run the loads of one table, under its lock on this machine; never raises."""
    lock = run.settings.lakehouse / "locks" / f"{table.label}.lock"
    try:
        if not table.load.active:
            return [_load(run, load) for load in run.plan(system, table)]
        with lock.exclusive() as alone:
            bronze_table(run.settings, table).sweep(alone=alone)
            planned = run.plan(system, table)
            results = [_load(run, load) for load in planned]
            if [load.load_type for load in planned] == ["incremental"] and results[0].status in _READ:
                further = kind_of(table).follow_up(run.settings, system, table)
                results += [_load(run, further)] if further else []
            return results
    except Exception as error:  # noqa: BLE001 - one table must not stop the others
        return [_load(run, PlannedLoad(system, table, "blocked", table.load.mode, "cannot be planned", error=error))]


def _load(run: _Run, planned: PlannedLoad) -> LoadResult:
    """Run one load; never raises."""
    label = planned.table.label
    begun = time.monotonic()
    result = LoadResult(
        run_id=run.run_id,
        system=planned.system.name,
        table=planned.table.name,
        status="unchanged",
        started_at=datetime.now(UTC).replace(tzinfo=None),
        load_type=planned.load_type,
        watermark_low=planned.watermark_low if planned.load_type != "full" else None,
        source_file=planned.file.name if planned.file else None,
    )
    run.progress.started(label)
    try:
        if planned.error is not None:
            raise planned.error
        if planned.action == "inactive":
            result = replace(result, status="inactive", message=planned.reason)
        elif planned.action == "nothing":
            result = replace(result, status="unchanged" if planned.is_current else "nothing", message=planned.reason)
        elif planned.file is not None:
            result = _load_file(run, planned, result)
        else:
            result = _append(run, planned, result)
            if planned.is_early:
                result = replace(result, message="; ".join(filter(None, [planned.reason, result.message])))
    except LoadConflictError as error:
        # What the other run loads is loaded; what came since is the next run's.
        result = replace(result, status="conflict", message=str(error))
    except Exception as error:  # noqa: BLE001 - one source that fails leaves the others going
        message = one_line(error, planned.file.name if planned.file else None)
        result = replace(result, status="failed", error_class=type(error).__name__, message=message)
    result = replace(result, seconds=round(time.monotonic() - begun, 3))
    run.progress.finished(result)
    return result


def _load_file(run: _Run, planned: PlannedLoad, result: LoadResult) -> LoadResult:
    """Load one landing file unless bronze has its bytes, then keep its unreadable lines and archive it."""
    file = planned.file
    if file is None:
        raise AssertionError("a load of a file has one")
    kind = kind_of(planned.table)
    landing = kind.landing(run.settings, planned.system)
    bronze = bronze_table(run.settings, planned.table)
    # Asked again, and not taken from the plan: an equal file may have been loaded, or have failed, a moment ago.
    known = batch_of_file(planned.table, bronze.counted_batches(), file.sha256)
    label = f"{datetime.now(UTC).strftime(BATCH_TIME)}-{planned.table.label}"
    if known is None:
        try:
            result = _append(run, planned, result)
        except IngestionError:
            if file.location.exists():
                raise
            raise LoadConflictError(f"{file.name}: another run took the file meanwhile") from None
    else:
        bronze.require_data(known)
        message = f"{file.name}: its bytes were loaded as batch {known.batch_id}"
        result = replace(result, status="duplicate_file", message=message)
    remark = None
    try:
        known = known or batch_of_file(planned.table, bronze.batches(), file.sha256)
        if known is not None and kind.keeps_rejects and file.is_still():
            remark = keep_rejects(landing, planned.table, file, known, bronze.batches())
        archive_file(landing, planned.table, file, [known.batch_id, label] if known else [label])
    except (OSError, DeltaError, IngestionError) as error:
        # What is committed is loaded; the next run archives it.
        remark = (
            f"{file.name}: was not archived ({type(error).__name__}); check landing/archive, the next run tries again"
        )
    if remark is not None:
        remark = remark if remark.startswith(file.name) else f"{file.name}: {remark}"
        result = replace(result, message="; ".join(filter(None, [result.message, remark])))
    return result


def _append(run: _Run, planned: PlannedLoad, result: LoadResult) -> LoadResult:
    bronze = bronze_table(run.settings, planned.table)
    # Without a lock another run may commit while this one reads: what it read is older then, and must not replace it.
    read_at = bronze.version()
    with kind_of(planned.table).open(run.settings, planned, run.systems) as extraction:
        if planned.redrive_of is not None:
            extraction.load_type = "redrive"
            extraction.source_file = planned.redrive_of.source_file
            extraction.source_path = planned.redrive_of.source_path
            extraction.redrive_of = planned.redrive_of.batch_id
        extraction.batches = _watched(extraction.batches, run.progress, planned.table.label)
        appended = bronze.append(extraction, run.run_id, _inspection(planned), read_at)
    if appended.batch is not None:
        return replace(LoadResult.of_batch(appended.batch), started_at=result.started_at)
    return replace(
        result,
        watermark_high=extraction.watermark_high,
        rows_read=appended.rows_read,
        rows_duplicate=appended.rows_duplicate,
        rows_rejected=extraction.rows_rejected + len(extraction.rejects),
        message="; ".join(extraction.warnings) or None,
    )


def _inspection(planned: PlannedLoad) -> Inspection:
    """The border check of one load's batch."""
    table, name = planned.table, f"{planned.file.name}: " if planned.file else ""
    subject = f"{name}it " if name else "the batch "

    def inspect(draft: Draft) -> tuple[Checks, Sequence[str]]:
        result = check_batch(table, draft.part, draft.rows, draft.earlier_rows, draft.batch_id)
        if result.rejects:
            raise BorderRejectedError(f"{subject}breaks its contract, nothing was committed; {'; '.join(result.lines)}")
        failed = (":".join(filter(None, (failure.check, failure.column))) for failure in result.failures)
        return Checks(result.evaluated, tuple(failed)), [f"{name}{line}" for line in result.lines]

    return inspect


def _watched(batches: Iterable[pa.RecordBatch], progress: Progress, label: str) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        progress.advanced(label, batch.num_rows)
        yield batch


def _run_id() -> str:
    return f"{datetime.now(UTC).strftime(BATCH_TIME)}-{token_hex(2)}"
