"""The audit tables: one row per load and its outcome, one per line that could not be read.

Both are derived from the Delta commits, plus the loads that ended without one, so logging is idempotent: the next run
adds what a killed run could not log.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import DeltaError

from ingestion.base.errors import LoadConflictError, SourceUnavailableError
from ingestion.base.messages import fault_of_storage
from ingestion.base.storage import Location
from ingestion.bronze import Batch
from ingestion.bronze.delta_rows import read_rows, scan

# The last two are no loads: what was loaded before was set aside.
Status = Literal[
    "committed",
    "unchanged",
    "nothing",
    "duplicate_file",
    "conflict",
    "failed",
    "inactive",
    "restarted",
    "removed",
]

LOADS = pa.schema(
    [
        ("run_id", pa.string()),
        ("batch_id", pa.string()),
        ("system", pa.string()),
        ("table", pa.string()),
        ("load_type", pa.string()),
        ("watermark_low", pa.string()),
        ("watermark_high", pa.string()),
        ("rows_read", pa.int64()),
        ("rows_written", pa.int64()),
        ("rows_duplicate", pa.int64()),
        ("rows_rejected", pa.int64()),
        ("money_checksum", pa.string()),
        ("checks_evaluated", pa.int64()),
        ("checks_failed", pa.string()),
        ("schema_hash", pa.string()),
        ("source_file", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("seconds", pa.float64()),
        ("status", pa.string()),
        ("error_class", pa.string()),
        ("message", pa.string()),
    ]
)
REJECTS = pa.schema(
    [
        ("run_id", pa.string()),
        ("batch_id", pa.string()),
        ("system", pa.string()),
        ("table", pa.string()),
        ("source_file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("rejected_at", pa.timestamp("us")),
        ("redrive_of", pa.string()),
    ]
)

# The identity of a row, in both tables.
IDENTITY = ("run_id", "batch_id", "system", "table", "source_file")
# Attempts to append to a table that other runs write to at the same time.
ATTEMPTS = 20


@dataclass(frozen=True)
class LoadResult:
    """One row of the load log.

    Times are UTC without zone, ``seconds`` a duration, counts rows. ``money_checksum`` is the sum of each money column
    as ``Amount=1.00; PaidAmount=0.50``, ``checks_failed`` the names of failed border checks. ``message`` holds warnings
    or the error, never a data value.
    """

    run_id: str
    system: str
    table: str
    status: Status
    started_at: datetime
    seconds: float = 0.0
    load_type: str | None = None
    batch_id: str | None = None
    watermark_low: str | None = None
    watermark_high: str | None = None
    rows_read: int = 0
    rows_written: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    money_checksum: str | None = None
    checks_evaluated: int = 0
    checks_failed: str | None = None
    schema_hash: str | None = None
    source_file: str | None = None
    error_class: str | None = None
    message: str | None = None

    @property
    def label(self) -> str:
        """``system.table``."""
        return f"{self.system}.{self.table}"

    @classmethod
    def of_batch(cls, batch: Batch) -> "LoadResult":
        """The log's row of a committed batch."""
        return cls(
            run_id=batch.run_id,
            system=batch.system,
            table=batch.table,
            status="committed",
            started_at=_moment(batch),
            seconds=batch.seconds,
            load_type=batch.load_type,
            batch_id=batch.batch_id,
            watermark_low=batch.watermark_low,
            watermark_high=batch.watermark_high,
            rows_read=batch.rows_read,
            rows_written=batch.rows_written,
            rows_duplicate=batch.rows_duplicate,
            rows_rejected=batch.rows_rejected,
            money_checksum="; ".join(f"{name}={total}" for name, total in batch.money.items()) or None,
            checks_evaluated=batch.checks.evaluated if batch.checks else 0,
            checks_failed=", ".join(batch.checks.failed) or None if batch.checks else None,
            schema_hash=batch.schema_hash,
            source_file=batch.source_file,
            message=batch.warnings,
        )


class AuditLog:
    """The Delta tables audit/load_log and audit/rejects.

    Args:
        folder: The folder audit/.
    """

    def __init__(self, folder: Location) -> None:
        self.loads = folder / "load_log"
        self.rejects = folder / "rejects"

    def results(self) -> list[LoadResult]:
        """Every load, the newest first; none before the first run."""
        return [LoadResult(**row) for row in self.load_table().sort_by([("started_at", "descending")]).to_pylist()]

    def last_full_read(self, system: str, table: str) -> datetime | None:
        """When a table was last read in full, whether that brought a batch or not; UTC without zone."""
        delta = self.loads.delta()
        if delta is None:
            return None
        reads = scan(delta, LOADS, ["system", "table", "load_type", "status", "started_at"]).filter(
            (pc.field("system") == system)
            & (pc.field("table") == table)
            & (pc.field("load_type") == "full")
            & pc.field("status").isin(["committed", "unchanged"])
        )
        last: datetime | None = pc.max(reads.column("started_at")).as_py()
        return last

    def tables_asked(self) -> list[str]:
        """Every ``system.table`` that was ever loaded, or should have been, sorted."""
        delta = self.loads.delta()
        if delta is None:
            return []
        asked = scan(delta, LOADS, ["system", "table"]).group_by(["system", "table"]).aggregate([])
        return sorted(f"{row['system']}.{row['table']}" for row in asked.to_pylist())

    def load_table(self) -> pa.Table:
        """Every load, unordered."""
        return read_rows(self.loads, LOADS)

    def rejected_lines(self) -> pa.Table:
        """Every line that could not be read, in the order of files and lines."""
        return read_rows(self.rejects, REJECTS).sort_by([("batch_id", "ascending"), ("line", "ascending")])

    def append(self, results: Iterable[LoadResult]) -> None:
        """Add the outcomes of one run as one commit, without those that another run already logged."""
        _append_once(
            self.loads,
            LOADS,
            [asdict(result) for result in results],
            lambda row: row["batch_id"] or (row["run_id"], row["system"], row["table"], row["source_file"]),
        )

    def catch_up(self, batches: Iterable[Batch]) -> None:
        """Log the commits that the tables lack because a run was killed between its commit and the log."""
        batches = list(batches)
        _create(self.rejects, REJECTS)
        self.append(LoadResult.of_batch(batch) for batch in batches)
        self.note_rejects(batches)

    def note_rejects(self, batches: Iterable[Batch]) -> None:
        """Add the unreadable lines of batches, each batch once, as one commit."""
        _append_once(
            self.rejects,
            REJECTS,
            [
                {
                    "run_id": batch.run_id,
                    "batch_id": batch.batch_id,
                    "system": batch.system,
                    "table": batch.table,
                    "source_file": batch.source_file,
                    "line": line,
                    "reason": reason,
                    "rejected_at": _moment(batch),
                    "redrive_of": batch.redrive_of,
                }
                for batch in batches
                for line, reason in batch.rejects
            ],
            lambda row: row["batch_id"],
        )


def _create(place: Location, schema: pa.Schema) -> None:
    """Create an empty table, so that a later reader sees its state at that time."""
    if place.delta() is None:
        try:
            with place.storage_errors():
                write_deltalake(
                    place.url, schema.empty_table(), mode="ignore", storage_options=place.delta_options or None
                )
            place.sync_commits(-1)
        except (DeltaError, OSError) as error:
            raise _unwritable(place, error) from None


def _version(place: Location) -> int | None:
    delta = place.delta()
    return None if delta is None else delta.version()


def _unwritable(place: Location, error: Exception) -> SourceUnavailableError:
    reason = fault_of_storage(error) or type(error).__name__
    return SourceUnavailableError(
        f"audit.{place.name}: cannot be written to ({reason}); check the lakehouse's storage and run rcm ingest again, "
        "which writes down what is missing"
    )


def _moment(batch: Batch) -> datetime:
    return datetime.fromisoformat(batch.started_at).astimezone(UTC).replace(tzinfo=None)


def _append_once(
    place: Location, schema: pa.Schema, rows: list[dict[str, Any]], identity: Callable[[dict[str, Any]], object]
) -> None:
    """Add the rows whose identity the table does not hold, in one commit.

    Raises:
        LoadConflictError: Other runs wrote at every one of the attempts.
        SourceUnavailableError: The storage takes no commit.
    """
    for _ in range(ATTEMPTS if rows else 0):
        delta = place.delta()
        held = [] if delta is None else scan(delta, schema, IDENTITY).to_pylist()
        known = {identity(row) for row in held}
        missing = [row for row in rows if identity(row) not in known]
        if not missing:
            return
        try:
            write_deltalake(
                place.url if delta is None else delta,
                pa.Table.from_pylist(missing, schema=schema),
                mode="error" if delta is None else "append",
                schema_mode=None if delta is None else "merge",
                storage_options=place.delta_options or None,
                # Missing rows were determined for this version, so another run's commit means another attempt.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
            place.sync_commits(-1 if delta is None else delta.version() - 1)
        except (DeltaError, OSError) as error:
            if _version(place) == (None if delta is None else delta.version()):
                raise _unwritable(place, error) from None
            continue
        return
    if rows:
        raise LoadConflictError(f"audit.{place.name}: other runs wrote to it without a pause; run rcm ingest again")
