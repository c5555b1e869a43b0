"""Runs the planned loads: tables at once in threads, each outcome in the log, one failure leaving the rest going."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from traceback import extract_tb
from typing import Protocol

import duckdb
import pyarrow as pa

from ingestion.audit import LoadLog, LoadResult
from ingestion.bronze import BATCH_TIME, Batch, BronzeTable
from ingestion.errors import IngestionError, SchemaDriftError, SourceUnavailableError, SpecError
from ingestion.extraction import Extraction
from ingestion.extractors import database, files, icd, npi_registry
from ingestion.landing import archive_file
from ingestion.plan import (
    PlannedLoad,
    bronze_table,
    connection_value,
    landing_folder,
    plan_table,
    selected_tables,
)
from ingestion.settings import Settings
from ingestion.specs import SystemSpec, TableSpec

WHO_TOKEN_URL = "https://icdaccessmanagement.who.int/connect/token"  # noqa: S105 - an address


class Progress(Protocol):
    """Told about loads as they go, from several threads."""

    def started(self, label: str) -> None:
        """A load of ``system.table`` begins."""

    def advanced(self, label: str, rows: int) -> None:
        """So many more rows of it were read."""

    def finished(self, result: LoadResult) -> None:
        """It came to its end."""


class Silence:
    """Progress that nobody watches."""

    def started(self, label: str) -> None:
        """Nothing."""

    def advanced(self, label: str, rows: int) -> None:
        """Nothing."""

    def finished(self, result: LoadResult) -> None:
        """Nothing."""


@dataclass(frozen=True)
class IngestSummary:
    """Outcome of one run: a result per load, in the order of the control table."""

    run_id: str
    results: tuple[LoadResult, ...]
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether any load failed."""
        return any(result.status == "failed" for result in self.results)

    @property
    def changed(self) -> bool:
        """Whether any batch was committed."""
        return any(result.status == "committed" for result in self.results)


@dataclass(frozen=True)
class _Run:
    settings: Settings
    systems: Sequence[SystemSpec]
    run_id: str
    full: bool
    progress: Progress


def ingest(
    settings: Settings,
    systems: Sequence[SystemSpec],
    *,
    source: str | None = None,
    table: str | None = None,
    full: bool = False,
    progress: Progress | None = None,
) -> IngestSummary:
    """Load what is new of every selected table into bronze, and log every outcome.

    Commits that an earlier run could not log are logged first. The provider registry comes last: it is asked for the
    numbers that the hospitals' providers have in bronze by then.

    Raises:
        SpecError: No such source or table.
    """
    started = time.monotonic()
    chosen = selected_tables(systems, source, table)
    run = _Run(settings, systems, _run_id(), full, progress or Silence())
    log = load_log(settings)
    everything = [bronze_table(settings, spec) for system in systems for spec in system.tables]
    log.append(log.missing(batch for bronze in everything for batch in _readable_batches(bronze)))
    waves = (
        [pair for pair in chosen if pair[1].load.extractor != "npi_registry"],
        [pair for pair in chosen if pair[1].load.extractor == "npi_registry"],
    )
    results: list[LoadResult] = []
    with ThreadPoolExecutor(settings.threads, thread_name_prefix="load") as pool:
        for wave in waves:
            for outcome in pool.map(lambda pair: _load_table(run, *pair), wave):
                results += outcome
    log.append(results)
    return IngestSummary(run.run_id, tuple(results), round(time.monotonic() - started, 3))


def load_log(settings: Settings) -> LoadLog:
    """The lakehouse's load log."""
    return LoadLog(settings.lakehouse / "audit" / "load_log")


def _readable_batches(bronze: BronzeTable) -> list[Batch]:
    """Batches of a table, none where its log is broken: its own load reports that."""
    try:
        return bronze.batches()
    except Exception:  # noqa: BLE001 - any fault of one table's log
        return []


def _load_table(run: _Run, system: SystemSpec, table: TableSpec) -> list[LoadResult]:
    try:
        planned = plan_table(run.settings, system, table, full=run.full)
    except Exception as error:  # noqa: BLE001 - one table must not stop the others
        planned = [PlannedLoad(system, table, "blocked", table.load.mode, "cannot be planned", error=error)]
    return [_load(run, load) for load in planned]


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
        watermark_low=planned.watermark_low if planned.load_type == "incremental" else None,
        source_file=planned.file.name if planned.file else None,
    )
    run.progress.started(label)
    try:
        if planned.error is not None:
            raise planned.error
        if planned.action == "inactive":
            result = replace(result, status="inactive", message=planned.reason)
        elif planned.action == "nothing":
            result = replace(result, message=planned.reason)
        elif planned.file is not None:
            result = _load_file(run, planned, result)
        else:
            result = _append(run, planned, result)
    except Exception as error:  # noqa: BLE001 - one source that fails leaves the others going
        result = replace(result, status="failed", error_class=type(error).__name__, message=_message(planned, error))
    result = replace(result, seconds=round(time.monotonic() - begun, 3))
    run.progress.finished(result)
    return result


def _load_file(run: _Run, planned: PlannedLoad, result: LoadResult) -> LoadResult:
    """Load one landing file unless bronze has its bytes, then archive it."""
    file = planned.file
    if file is None:
        raise AssertionError("a load of a file has one")
    landing = landing_folder(run.settings, planned.system)
    # Asked again, and not taken from the plan: an equal file may have been loaded, or have failed, a moment ago.
    loaded = {batch.file_sha256: batch.batch_id for batch in bronze_table(run.settings, planned.table).batches()}
    label = f"{datetime.now(UTC).strftime(BATCH_TIME)}-{planned.table.label}"
    if file.sha256 in loaded:
        known = loaded[file.sha256]
        archive_file(landing, planned.table, file, [known, label])
        return replace(result, status="duplicate_file", message=f"{file.name}: its bytes were loaded as batch {known}")
    result = _append(run, planned, result)
    archive_file(landing, planned.table, file, [result.batch_id or label])
    return result


def _append(run: _Run, planned: PlannedLoad, result: LoadResult) -> LoadResult:
    with _extraction(run, planned) as extraction:
        extraction.batches = _watched(extraction.batches, run.progress, planned.table.label)
        appended = bronze_table(run.settings, planned.table).append(extraction, run.run_id)
    if appended.batch is not None:
        return replace(LoadResult.of_batch(appended.batch), started_at=result.started_at)
    return replace(
        result,
        watermark_high=extraction.watermark_high,
        rows_read=appended.rows_read,
        rows_duplicate=appended.rows_duplicate,
        rows_rejected=extraction.rows_rejected,
        message="; ".join(extraction.warnings) or None,
    )


def _watched(batches: Iterable[pa.RecordBatch], progress: Progress, label: str) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        progress.advanced(label, batch.num_rows)
        yield batch


def _extraction(run: _Run, planned: PlannedLoad) -> AbstractContextManager[Extraction]:
    table = planned.table
    if planned.file is not None:
        return files.extract(table, planned.file)
    address = connection_value(run.settings, planned.system)
    if table.kind == "database":
        return database.extract(table, address, planned.window)
    if table.load.extractor == "icd":
        return icd.extract(table, _icd_access(run.settings, address))
    return npi_registry.extract(table, address, _numbers_to_ask(run, table), planned.load_type)


def _icd_access(settings: Settings, base_url: str) -> icd.Access:
    client_id, secret = settings.resolve("RCM_ICD_CLIENT_ID"), settings.resolve("RCM_ICD_CLIENT_SECRET")
    if client_id is None or secret is None:
        raise SourceUnavailableError(
            "RCM_ICD_CLIENT_ID and RCM_ICD_CLIENT_SECRET are not set; get them at icd.who.int/icdapi, "
            "or set active: false"
        )
    return icd.Access(base_url, settings.resolve("RCM_ICD_TOKEN_URL", WHO_TOKEN_URL) or "", client_id, secret)


def _numbers_to_ask(run: _Run, table: TableSpec) -> list[str]:
    """Valid NPIs of every system's providers; with --full all of them, else those that bronze does not have."""
    held = _column_values(bronze_table(run.settings, table), "npi")
    wanted: set[str] = set()
    for system in run.systems:
        for providers in system.tables:
            expression = providers.column_map.get("npi")
            if providers.name == "providers" and expression is not None:
                wanted.update(
                    npi_registry.valid_numbers(_column_values(bronze_table(run.settings, providers), expression))
                )
    return sorted(wanted if run.full else wanted.difference(held.to_pylist()))


def _column_values(bronze: BronzeTable, expression: str) -> pa.Array:
    """Distinct values of one column, or of one SQL expression of the control table's map, as text."""
    delta = bronze.open()
    if delta is None:
        return pa.array([], pa.string())
    with duckdb.connect(":memory:") as engine:
        engine.register("held", pa.RecordBatchReader.from_stream(delta.scan(list(bronze.table.column_names))))
        try:
            values = engine.execute(f"select distinct cast(({expression}) as varchar) as value from held")
            return pa.table(values.to_arrow_table()).column("value").combine_chunks()
        except duckdb.Error:
            raise SchemaDriftError(
                f"map.npi of {bronze.table.label} is no column or SQL expression over its columns; correct it"
            ) from None


def _message(planned: PlannedLoad, error: Exception) -> str:
    """One line for the log: our own errors as they are, others by class and place, for their text may hold values."""
    if isinstance(error, (IngestionError, SpecError)):
        return str(error)
    place = extract_tb(error.__traceback__)[-1]
    file = f"{planned.file.name}: " if planned.file else ""
    return (
        f"{file}unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}; "
        "nothing was written, please report it"
    )


def _run_id() -> str:
    return f"{datetime.now(UTC).strftime(BATCH_TIME)}-{token_hex(2)}"
