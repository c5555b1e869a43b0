"""Decisions of people about batches: accepted as they are, or refused; append-only, beside bronze in ledger/.

A refused batch is as if it had never arrived: it is never staged, later loads are not compared with it, and the
watermark goes back before it, so that its rows are read again.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import DeltaError

from ingestion.base.errors import LoadConflictError
from ingestion.base.storage import Location
from ingestion.bronze.delta_rows import read_rows

Decision = Literal["accepted", "refused"]

DECISIONS = pa.schema(
    [
        ("batch_id", pa.string()),
        ("source_table", pa.string()),
        ("decision", pa.string()),
        ("decided_at", pa.timestamp("us")),
        ("decided_by", pa.string()),
        ("reason", pa.string()),
        ("finding", pa.string()),
    ]
)


class BatchDecisions:
    """The Delta table ledger/batch_decision.

    Args:
        folder: The folder ledger/ of the lakehouse.
    """

    def __init__(self, folder: Location) -> None:
        self.folder = folder
        self.place = folder / "batch_decision"

    def all(self) -> list[dict[str, Any]]:
        """Every decision, the newest first."""
        rows: list[dict[str, Any]] = read_rows(self.place, DECISIONS).to_pylist()
        return sorted(rows, key=lambda row: row["decided_at"], reverse=True)

    @cached_property
    def refused(self) -> frozenset[str]:
        """Ids of refused batches, read once."""
        return frozenset(row["batch_id"] for row in self.all() if row["decision"] == "refused")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one decision as one commit.

        Raises:
            LoadConflictError: Somebody else decided meanwhile.
        """
        delta = self.place.delta()
        try:
            with self.place.storage_errors():
                write_deltalake(
                    self.place.url if delta is None else delta,
                    pa.Table.from_pylist([dict(row)], schema=DECISIONS),
                    mode="error" if delta is None else "append",
                    configuration={"delta.appendOnly": "true"} if delta is None else None,
                    storage_options=self.place.delta_options or None,
                    commit_properties=CommitProperties(max_commit_retries=0),
                )
        except DeltaError:
            raise LoadConflictError(
                "ledger.batch_decision: somebody else decided about a batch meanwhile; run it again"
            ) from None
