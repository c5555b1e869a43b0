"""What every extractor hands to bronze."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

LoadType = Literal["full", "incremental", "backfill", "redrive"]


@dataclass(frozen=True)
class Reject:
    """One line of a file that cannot be read; never its text.

    Args:
        line: Number of the line in the file, the first is 1.
        reason: Why, as text.
    """

    line: int
    reason: str


@dataclass
class Extraction:
    """One batch before it is written: Arrow batches in the declared columns, read once, with their metadata.

    Args:
        batches: Declared columns in order, then ``extra_columns``; row n of the stream becomes ``_row_number`` n.
        load_type: ``full`` if the batch is the complete table; ``backfill`` moves no watermark.
        drop_known: Deduplicate: skip rows that bronze holds as the latest content of their key.
        watermark_low: Lower bound of the read, as text; None if it was unbounded.
        watermark_high: Upper bound, fixed before reading; the next load starts here.
        source_file: Path below the landing folder, as messages show it.
        source_path: The same in full, for bronze only; None where it is the same.
        file_sha256: Hash of that file.
        delimiter: What parts its fields.
        extra_columns: Undeclared columns that the table's contract lets in.
        has_unread: Whether the batches have the columns ``UNREAD`` at their end.
        redrive_of: Batch whose rejected lines these rows were.
        rejects: Lines that cannot be loaded; complete once ``batches`` is read to its end.
        rows_rejected: Rows of the source that cannot be loaded and have no line; complete once ``batches`` is read.
        warnings: What an operator should know about a successful load; complete once ``batches`` is read.
    """

    batches: Iterator[pa.RecordBatch]
    load_type: LoadType
    drop_known: bool
    watermark_low: str | None = None
    watermark_high: str | None = None
    source_file: str | None = None
    file_sha256: str | None = None
    source_path: str | None = None
    delimiter: str | None = None
    extra_columns: tuple[pa.Field, ...] = ()
    has_unread: bool = False
    redrive_of: str | None = None
    rejects: list[Reject] = field(default_factory=list)
    rows_rejected: int = 0
    warnings: list[str] = field(default_factory=list)
