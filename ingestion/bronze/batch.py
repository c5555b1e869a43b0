"""One batch of bronze, as its commit describes it, and as it is known before the commit."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from ingestion.declared.specs import TableSpec

BATCH_TIME = "%Y%m%dT%H%M%S%f"
_TIME_LENGTH = len("20261128T061636835139")
# Batches whose row counts the next one is compared with.
EARLIER_BATCHES = 5


@dataclass(frozen=True)
class Checks:
    """Outcome of a batch's border checks: how many were evaluated, and the names of those that failed."""

    evaluated: int
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """One committed batch, as its Delta commit describes it.

    Times are ISO 8601 in UTC, watermarks text as the source writes them; counts are rows, ``seconds`` the duration.
    ``money`` holds the sum of each money column, ``checks`` the outcome of the border checks, ``rejects`` the lines of
    the file that could not be read, as [line, reason]; ``redrive_of`` is the batch whose rejects these rows were;
    ``part_sha256`` the hash of the Parquet file that was committed, None in batches of older versions.
    ``source_file`` is the file's path as messages show it, ``source_path`` in full, where that differs; bronze only.
    """

    batch_id: str
    run_id: str
    system: str
    table: str
    load_type: str
    watermark_low: str | None
    watermark_high: str | None
    rows_read: int
    rows_written: int
    rows_duplicate: int
    rows_rejected: int
    schema_hash: str
    source_file: str | None
    file_sha256: str | None
    started_at: str
    seconds: float
    warnings: str | None
    money: dict[str, str] = field(default_factory=dict)
    checks: Checks | None = None
    rejects: list[list[object]] = field(default_factory=list)
    redrive_of: str | None = None
    part_sha256: str | None = None
    source_path: str | None = None


@dataclass(frozen=True)
class Draft:
    """A batch before its commit: what a border check may look at.

    Args:
        batch_id: Identity of the batch.
        part: Parquet file of its rows, on this machine.
        rows: Rows in it.
        earlier_rows: Rows written by the last batches of the same load type, the newest first.
    """

    batch_id: str
    part: Path
    rows: int
    earlier_rows: tuple[int, ...]


# Checks a draft: what to record with the batch and what to report. Raises to stop the commit.
Inspection = Callable[[Draft], tuple[Checks | None, Sequence[str]]]


@dataclass(frozen=True)
class Appended:
    """Outcome of one append: the committed batch, or None where bronze held every row already; counts in rows."""

    batch: Batch | None
    rows_read: int
    rows_duplicate: int


def batch_of_file(table: TableSpec, batches: Sequence[Batch], sha256: str) -> Batch | None:
    """The batch that holds these bytes, None where the table lacks them; ``batches`` the newest first.

    If each file is the complete table only the newest counts: an older file that arrives again replaces a newer one.
    """
    held = batches[:1] if table.load.mode == "full" else batches
    return next((batch for batch in held if batch.file_sha256 == sha256), None)


def schema_hash(table: TableSpec) -> str:
    """Fingerprint of the declared columns and types."""
    text = json.dumps([(column.name, column.data_type) for column in table.columns])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def batches_of(delta: DeltaTable | None) -> list[Batch]:
    """Every batch of a table, the newest first."""
    history = delta.history() if delta is not None else []
    return [_batch(json.loads(commit["rcm"])) for commit in history if "rcm" in commit]


def files_of(delta: DeltaTable, batch_id: str | None = None) -> dict[str, int]:
    """Data files that the newest version of a table consists of, with their bytes.

    Args:
        delta: The table.
        batch_id: Only those that may hold rows of this batch, by the bounds in the log.
    """
    found: dict[str, int] = {}
    for action in pa.table(delta.get_add_actions(flatten=True)).to_pylist():
        first, last = action.get("min._batch_id"), action.get("max._batch_id")
        # Writers may cut a bound off.
        is_outside = batch_id and first and last and not first[:_TIME_LENGTH] <= batch_id[:_TIME_LENGTH] <= last
        if not is_outside:
            found[unquote(action["path"])] = action["size_bytes"]
    return found


def earlier_rows(history: Sequence[Batch], load_type: str) -> tuple[int, ...]:
    """Rows of the last batches of a load type, the newest first; ``history`` the newest first."""
    same = [batch.rows_written for batch in history if batch.load_type == load_type]
    return tuple(same[:EARLIER_BATCHES])


def _batch(described: dict[str, Any]) -> Batch:
    """A batch as its commit describes it; keys of another version of this program are ignored."""
    known = {entry.name for entry in fields(Batch)}
    checks = described.get("checks")
    described["checks"] = Checks(checks["evaluated"], tuple(checks["failed"])) if checks else None
    return Batch(**{name: value for name, value in described.items() if name in known})


def next_batch_time(history: list[Batch]) -> datetime:
    """Now in UTC, but after the newest batch: ids and times of a table strictly increase even if a clock goes back."""
    now = datetime.now(UTC)
    if not history:
        return now
    newest = datetime.strptime(history[0].batch_id.split("-")[0], BATCH_TIME).replace(tzinfo=UTC)
    return max(now, newest + timedelta(microseconds=1))
