"""Listeners of loads as they run."""

from collections.abc import Sequence
from typing import Protocol

from ingestion.bronze.audit import LoadResult


class Progress(Protocol):
    """Listener that is notified of loads while they run, from several threads."""

    def run_started(self, run_id: str) -> None:
        """A run begins."""

    def run_finished(self, results: Sequence[LoadResult], seconds: float) -> None:
        """It came to its end with these loads."""

    def started(self, label: str) -> None:
        """A load of ``system.table`` begins."""

    def advanced(self, label: str, rows: int) -> None:
        """So many more rows of it were read."""

    def finished(self, result: LoadResult) -> None:
        """It came to its end."""


class NullProgress:
    """Progress that shows nothing."""

    def run_started(self, run_id: str) -> None:
        """Nothing."""

    def run_finished(self, results: Sequence[LoadResult], seconds: float) -> None:
        """Nothing."""

    def started(self, label: str) -> None:
        """Nothing."""

    def advanced(self, label: str, rows: int) -> None:
        """Nothing."""

    def finished(self, result: LoadResult) -> None:
        """Nothing."""


class MultiProgress:
    """Several listeners as one.

    Args:
        listeners: In the order in which they are called.
    """

    def __init__(self, *listeners: Progress) -> None:
        self._listeners = listeners

    def run_started(self, run_id: str) -> None:
        """A run begins."""
        for listener in self._listeners:
            listener.run_started(run_id)

    def run_finished(self, results: Sequence[LoadResult], seconds: float) -> None:
        """It came to its end."""
        for listener in self._listeners:
            listener.run_finished(results, seconds)

    def started(self, label: str) -> None:
        """A load begins."""
        for listener in self._listeners:
            listener.started(label)

    def advanced(self, label: str, rows: int) -> None:
        """So many more rows were read."""
        for listener in self._listeners:
            listener.advanced(label, rows)

    def finished(self, result: LoadResult) -> None:
        """A load came to its end."""
        for listener in self._listeners:
            listener.finished(result)
