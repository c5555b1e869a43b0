"""The way in: one worker process per run, which holds Great Expectations and is asked one batch at a time."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ingestion.border.expected import Expected, expected
from ingestion.border.result import BorderFailure, BorderResult
from ingestion.errors import BorderUnavailableError
from ingestion.specs import TableSpec

_PROJECT = Path(__file__).resolve().parents[2]


class BorderCheck:
    """Checks batches against their contracts; safe to share between threads, which take turns.

    Great Expectations takes seconds to import and hundreds of MiB, so it lives in a process of its own. That process
    starts with the first check, or earlier with ``start``, and ends with the context, or when this process dies.

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
        self._turn = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._has_results = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def worker_id(self) -> int | None:
        """Process id of the worker, None while there is none."""
        return self._worker.pid if self._worker else None

    def start(self) -> None:
        """Start the worker now and return at once, so that its imports overlap with an extraction."""
        with self._turn:
            self._start()

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
        with self._turn:
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
        with self._turn:
            if not self._has_results:
                return None
            answer = self._ask({"build": True}, "Data Docs")
        return Path(answer["index"])

    def close(self) -> None:
        """End the worker; a later check would start another."""
        with self._turn:
            self._stop()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._worker is None:
            # The worker finds this very package, installed or not; -P keeps the current folder off its path.
            paths = [str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._worker = subprocess.Popen(  # noqa: S603 - our own module by its name
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "ingestion.border.worker",
                    str(self._data_docs.resolve()),
                    str(self._keep),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # A traceback of the engine may quote values.
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "GX_ANALYTICS_ENABLED": "false"},
            )
        return self._worker

    def _stop(self) -> None:
        if self._worker is None:
            return
        worker, self._worker = self._worker, None
        worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout):
            if stream is not None:
                _close(stream)

    def _ask(self, request: dict[str, Any], subject: str) -> dict[str, Any]:
        """Send one request and wait for its answer; a worker that fails is ended, the next request starts another."""
        worker = self._start()
        if worker.stdin is None or worker.stdout is None:
            raise AssertionError("the worker is started with pipes")
        # To kill is the one way to end a wait on a pipe on every platform.
        watchdog = threading.Timer(self._timeout, worker.kill)
        watchdog.start()
        try:
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except BrokenPipeError:
            line = b""
        except BaseException:
            # An interrupt leaves an answer under way, which the next request would take for its own.
            self._stop()
            raise
        finally:
            watchdog.cancel()
        if not line.endswith(b"\n"):
            self._stop()
            raise BorderUnavailableError(
                f"{subject}: the process of Great Expectations ended or did not answer within {self._timeout:g} s; "
                "look for too little memory, then run again"
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BorderUnavailableError(f"{subject}: Great Expectations failed, {answer['error']}")
        return answer


def _close(stream: Any) -> None:  # noqa: ANN401 - a pipe
    try:
        stream.close()
    except BrokenPipeError:
        # What was still buffered has no reader any more.
        return


def _failure(expectation: Expected, rows: int | None) -> BorderFailure:
    message = expectation.failure if rows is None else f"{expectation.failure} in {rows} rows"
    return BorderFailure(expectation.check, expectation.severity, message, expectation.column, rows)
