"""The load log: one row per load and its outcome, a projection of the Delta commits plus the loads without one."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
from deltalake import write_deltalake

from ingestion.bronze import Batch
from ingestion.storage import Location

Status = Literal["committed", "unchanged", "duplicate_file", "failed", "inactive"]

SCHEMA = pa.schema(
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
        ("schema_hash", pa.string()),
        ("source_file", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("seconds", pa.float64()),
        ("status", pa.string()),
        ("error_class", pa.string()),
        ("message", pa.string()),
    ]
)


@dataclass(frozen=True)
class LoadResult:
    """One row of the log.

    Times are UTC without zone, ``seconds`` a duration, counts rows. ``message`` holds warnings or the error, never a
    value of the data.
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
            started_at=datetime.fromisoformat(batch.started_at).astimezone(UTC).replace(tzinfo=None),
            seconds=batch.seconds,
            load_type=batch.load_type,
            batch_id=batch.batch_id,
            watermark_low=batch.watermark_low,
            watermark_high=batch.watermark_high,
            rows_read=batch.rows_read,
            rows_written=batch.rows_written,
            rows_duplicate=batch.rows_duplicate,
            rows_rejected=batch.rows_rejected,
            schema_hash=batch.schema_hash,
            source_file=batch.source_file,
            message=batch.warnings,
        )


class LoadLog:
    """The Delta table audit/load_log.

    Args:
        location: Its folder.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Rows of the log in no order; no rows before the first run."""
        delta = self.location.delta()
        if delta is None:
            return SCHEMA.empty_table().select(columns or SCHEMA.names)
        # The reader hands out string views, which Arrow cannot sort.
        rows = pa.table(delta.scan(columns or SCHEMA.names))
        return rows.cast(pa.schema([SCHEMA.field(name) for name in rows.schema.names]))

    def results(self) -> list[LoadResult]:
        """Every load, the newest first."""
        return [LoadResult(**row) for row in self.read().sort_by([("started_at", "descending")]).to_pylist()]

    def append(self, results: Iterable[LoadResult]) -> None:
        """Add the outcomes of one run as one commit."""
        rows = [asdict(result) for result in results]
        if rows:
            write_deltalake(
                self.location.url,
                pa.Table.from_pylist(rows, schema=SCHEMA),
                mode="append",
                schema_mode="merge",
                storage_options=self.location.delta_options or None,
            )

    def missing(self, batches: Iterable[Batch]) -> list[LoadResult]:
        """Rows of the commits the log does not know: a run was killed between its commit and the log."""
        logged = set(self.read(["batch_id"]).column("batch_id").to_pylist())
        return [LoadResult.of_batch(batch) for batch in batches if batch.batch_id not in logged]
