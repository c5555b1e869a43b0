"""What every extractor hands to bronze."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa


@dataclass
class Extraction:
    """One batch on its way: Arrow batches in the declared columns, read once, and what they stand for.

    Args:
        batches: Declared columns in order; row n of the stream becomes ``_row_number`` n.
        load_type: ``full`` where the batch is the whole table.
        drop_known: Leave out rows that bronze holds as the latest content of their key.
        watermark_low: Lower bound that was asked for, as text; None where nothing bounded the read.
        watermark_high: Upper bound, fixed before reading; the next load starts here.
        source_file: Path below the landing folder.
        file_sha256: Hash of that file.
        rows_rejected: Rows of the source that cannot be landed; complete once ``batches`` is read to its end.
        warnings: What an operator should know though the load succeeds; complete once ``batches`` is read.
    """

    batches: Iterator[pa.RecordBatch]
    load_type: Literal["full", "incremental"]
    drop_known: bool
    watermark_low: str | None = None
    watermark_high: str | None = None
    source_file: str | None = None
    file_sha256: str | None = None
    rows_rejected: int = 0
    warnings: list[str] = field(default_factory=list)
