"""What happened in a run, as JSON lines for machines: in logs/rcm.jsonl and, where wanted, on standard error."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TextIO

import structlog

from ingestion.base.secret_store import masked
from ingestion.base.settings import Settings
from ingestion.bronze.audit import LoadResult

FILE = Path("logs") / "rcm.jsonl"
# With its five predecessors at most 60 MB: some hundred thousand events.
LARGEST_FILE = 10_000_000
KEPT_FILES = 5


class EventLog:
    """Progress of a run as events without values of the data and with secrets masked; never fails a load.

    Each event has ``event``, ``level``, ``at`` (UTC) and ``run_id``; counts are rows, ``seconds`` durations. Safe to
    share between threads.

    Args:
        file: Where events go; renamed to .1, .2 and so on as it fills.
        on_stderr: Whether they go to standard error, too.
        largest_file: Bytes of a file before the next one is started.
    """

    def __init__(self, file: Path, *, on_stderr: bool = False, largest_file: int = LARGEST_FILE) -> None:
        # Not one of logging's named loggers: what an application sets for those must not change this one.
        self._logger = logging.Logger("rcm.events")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _warn(file, error)
        else:
            self._logger.addHandler(_File(file, largest_file))
        if on_stderr:
            self._logger.addHandler(_Stderr(sys.stderr))
        self._events: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            self._logger,
            processors=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
                _mask,
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    @classmethod
    def of_project(cls, settings: Settings) -> "EventLog":
        """The project's log; RCM_LOG=json shows it on standard error."""
        return cls(settings.project_dir / FILE, on_stderr=settings.variables.log == "json")

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; an event after that opens it again."""
        for handler in self._logger.handlers:
            with suppress(OSError, ValueError):
                handler.close()

    def run_started(self, run_id: str) -> None:
        """A run begins; the events up to the next run are its."""
        self._events = self._events.bind(run_id=run_id)
        self._events.info("run_started")

    def run_finished(self, results: Sequence[LoadResult], seconds: float) -> None:
        """A run came to its end with these loads."""
        failed = sum(result.status == "failed" for result in results)
        tell = self._events.error if failed else self._events.info
        tell(
            "run_finished",
            loads=len(results),
            failed=failed,
            rows_read=sum(result.rows_read for result in results),
            rows_written=sum(result.rows_written for result in results),
            seconds=seconds,
        )

    def started(self, label: str) -> None:
        """A load of ``system.table`` begins."""
        system, _, table = label.partition(".")
        self._events.info("load_started", system=system, table=table)

    def advanced(self, label: str, rows: int) -> None:
        """Nothing: the end of the load has its count."""

    def finished(self, result: LoadResult) -> None:
        """A load came to its end, and its border checks with it."""
        tell = self._events.error if result.status == "failed" else self._events.info
        tell(
            "load_finished",
            # A load may be reported by a run that this log does not know.
            run_id=result.run_id,
            system=result.system,
            table=result.table,
            status=result.status,
            load_type=result.load_type,
            batch_id=result.batch_id,
            rows_read=result.rows_read,
            rows_written=result.rows_written,
            rows_rejected=result.rows_rejected,
            rows_duplicate=result.rows_duplicate,
            seconds=result.seconds,
            error_class=result.error_class,
            message=result.message,
        )
        if result.checks_evaluated:
            tell = self._events.warning if result.checks_failed else self._events.info
            tell(
                "border_checked",
                run_id=result.run_id,
                system=result.system,
                table=result.table,
                batch_id=result.batch_id,
                evaluated=result.checks_evaluated,
                failed=result.checks_failed,
            )

    def alerted(self, warning: str | None) -> None:
        """An alert was sent, or was not, and why."""
        if warning is None:
            self._events.info("alert_sent")
        else:
            self._events.warning("alert_not_sent", message=warning)

    def unclaimed(self, names: Sequence[str]) -> None:
        """Files of the landing folders match no pattern of the control table."""
        self._events.warning("files_unclaimed", files=list(names))


class _Stderr(logging.StreamHandler[TextIO]):
    """Standard error; where nobody reads it any more, events are dropped."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the inherited name
        """Nothing."""


class _File(RotatingFileHandler):
    """A file that warns once where it cannot be written, and tries again with the next event."""

    def __init__(self, file: Path, largest: int) -> None:
        super().__init__(file, maxBytes=largest, backupCount=KEPT_FILES, encoding="utf-8", delay=True)
        self._warned = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the inherited name
        """Warn once."""
        error = sys.exc_info()[1]
        # The buffer keeps what could not be written: closed, it is dropped, and the next event opens the file again.
        with suppress(OSError, ValueError):
            self.close()
        if not self._warned:
            self._warned = True
            _warn(Path(self.baseFilename), error)


def _warn(file: Path, error: BaseException | None) -> None:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    with suppress(OSError, ValueError):
        sys.stderr.write(
            f"warning: {file.parent.name}/{file.name} cannot be written ({reason}); the run goes on without it\n"
        )


def _mask(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: masked(value) if isinstance(value, str) else value for name, value in event.items()}
