"""The way in: batches are judged by a worker process, which holds Great Expectations."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingestion.bronze.border.expected import Expected, expected
from ingestion.bronze.border.process import WORKER
from ingestion.bronze.border.result import BorderFailure, BorderResult
from ingestion.declared.specs import TableSpec


class BorderCheck:
    """Checks batches against their contracts; safe to share between threads, which take turns.

    Args:
        data_docs: Local folder: ``index.html`` is a plain list of the validations, ``site/`` are the Data Docs it leads
            to, ``results/`` is what they are built of.
        keep: Validations that the Data Docs show, the newest; older ones are removed.
        timeout: Seconds that one answer may take, the start of the worker included.
    """

    def __init__(self, data_docs: Path, keep: int = 200, timeout: float = 300.0) -> None:
        self._data_docs = data_docs
        self._keep = keep
        self._timeout = timeout
        self._has_results = False

    def start(self) -> None:
        """Start the worker now and return at once, so that its imports overlap with an extraction."""
        WORKER.start()

    def check(
        self, table: TableSpec, part: Path, rows: int, earlier_rows: Sequence[int], batch_id: str
    ) -> BorderResult:
        """Judge one batch before its commit.

        Args:
            table: Its declaration.
            part: Parquet file of the batch: declared columns, and lineage columns whose names start with ``_``.
            rows: Rows that were written to it.
            earlier_rows: Rows of the last batches of the same load type, the newest first.
            batch_id: Name of the batch, under which the Data Docs show it.

        Raises:
            BorderUnavailableError: The worker died, hung or could not evaluate an expectation; do not commit then.
        """
        begun = time.monotonic()
        expectations = expected(table, rows, earlier_rows)
        request = {
            "table": table.label,
            "batch_id": batch_id,
            "part": str(part.resolve()),
            "expectations": [asdict(expectation) for expectation in expectations],
        }
        answer = self._ask(request, f"batch {batch_id}")
        self._has_results = True
        failures = tuple(_failure(expectations[found["number"]], found["rows"]) for found in answer["failed"])
        return BorderResult(answer["evaluated"], failures, round(time.monotonic() - begun, 3))

    def finish(self) -> Path | None:
        """Build the Data Docs pages of every result that has none; path of their list, None without a check.

        Results of a run that was killed are kept, and get their pages from the next one.

        Raises:
            BorderUnavailableError: The pages could not be written; what was checked and committed stands.
        """
        if not self._has_results:
            return None
        return Path(self._ask({"build": True}, "Data Docs")["index"])

    def _ask(self, request: dict[str, Any], subject: str) -> dict[str, Any]:
        place = {"data_docs": str(self._data_docs.resolve()), "keep": self._keep}
        return WORKER.ask({**place, **request}, subject, self._timeout)


def _failure(expectation: Expected, rows: int | None) -> BorderFailure:
    message = expectation.failure if rows is None else f"{expectation.failure} in {rows} rows"
    return BorderFailure(expectation.check, expectation.severity, message, expectation.column, rows)
