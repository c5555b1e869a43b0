"""Progress bars on standard error, for people who watch; pipes and logs get none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from ingestion.audit import LoadResult
from ingestion.load import Progress as LoadListener


class _Count(ProgressColumn):
    """``12/175``, or nothing while the total is unknown."""

    def render(self, task: Task) -> Text:
        return Text(f"{int(task.completed)}/{int(task.total)}" if task.total else "")


class Bar:
    """One bar with a text behind it; safe to move from several threads."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None, note="")

    def move(self, completed: int, total: int) -> None:
        """So much of so much is done."""
        self._progress.update(self._task, completed=completed, total=total or None)

    def say(self, note: str) -> None:
        """What happens right now."""
        self._progress.update(self._task, note=note)


@contextmanager
def bar(title: str) -> Iterator[Bar]:
    """A bar that goes away at the end of the context."""
    console = Console(stderr=True, highlight=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        _Count(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}[/dim]"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, title)


class LoadProgress:
    """Shows the loads of one ingest: tables come to their end, rows arrive.

    Args:
        shown: Where.
        tables: Number of tables that the run is about.
    """

    def __init__(self, shown: Bar, tables: int) -> None:
        self._bar = shown
        self._tables = tables
        self._rows = 0
        self._ended: set[str] = set()
        self._lock = Lock()
        shown.move(0, tables)

    def run_started(self, run_id: str) -> None:
        """Nothing to show yet."""

    def run_finished(self, results: Sequence[LoadResult], seconds: float) -> None:
        """The bar goes with its context."""

    def started(self, label: str) -> None:
        """A load begins."""
        self._bar.say(f"{self._rows:,} rows, {label}")

    def advanced(self, label: str, rows: int) -> None:
        """So many more rows were read."""
        with self._lock:
            self._rows += rows
        self._bar.say(f"{self._rows:,} rows, {label}")

    def finished(self, result: LoadResult) -> None:
        """A load came to its end; the first of a table's files counts for the table."""
        with self._lock:
            self._ended.add(result.label)
        self._bar.move(len(self._ended), self._tables)


class Together:
    """Tells several listeners the same.

    Args:
        listeners: In the order they are told.
    """

    def __init__(self, *listeners: LoadListener) -> None:
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
