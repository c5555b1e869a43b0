"""How far a long command is, on standard error: a bar for people who watch, now and then a line for a pipe or a log."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from ingestion.base.settings import Settings
from ingestion.bronze.audit import LoadResult

# Set to off, nothing tells of progress: a schedule that mails what it prints wants to hear of errors only.
# Seconds between two lines where no terminal shows a bar: a short run prints none, a long one shows that it lives.
LINE_SECONDS = 30.0
# Before so many steps, and so much of all, are done, the time that is left is not foretold.
FEWEST_STEPS = 2
LEAST_SHARE = 0.1


class Pace:
    """How fast something goes; safe to share between threads.

    Args:
        now: The time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._begun = now()
        # What comes before the first step, such as parsing a project, would make every step look long.
        self._steps_begun: float | None = None
        self.completed = 0
        self.total = 0
        self.rows = 0

    def move(self, completed: int, total: int) -> None:
        """So many steps of so many are done."""
        if total and self._steps_begun is None:
            self._steps_begun = self._now()
        self.completed, self.total = completed, total

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._begun

    @property
    def remaining(self) -> float | None:
        """Seconds to the end if the steps to come take as long as those done; None while that would be a guess."""
        if self._steps_begun is None or self.completed < max(FEWEST_STEPS, LEAST_SHARE * self.total):
            return None
        return (self._now() - self._steps_begun) / self.completed * (self.total - self.completed)

    @property
    def rows_per_second(self) -> float:
        """Rows read in a second, on the average so far."""
        return self.rows / max(self.elapsed, 0.001)

    def parts(self) -> list[str]:
        """Rows, rate and times, as far as they are known, each as a few words."""
        parts = []
        if self.rows:
            parts += [f"{self.rows:,} rows", f"{self.rows_per_second:,.0f} rows/s"]
        parts.append(_clock(self.elapsed))
        if self.remaining is not None:
            parts.append(f"{_clock(self.remaining)} left")
        return parts


class _Steps(ProgressColumn):
    """``12/175``, or nothing while the total is unknown."""

    def render(self, task: Task) -> Text:
        return Text(f"{int(task.completed)}/{int(task.total)}" if task.total else "")


class _Told(ProgressColumn):
    """``38,031 rows, 1,552 rows/s, 0:24, 0:05 left``."""

    def render(self, task: Task) -> Text:
        pace: Pace = task.fields["pace"]
        return Text(", ".join(pace.parts()), style="progress.remaining", no_wrap=True)


class Bar:
    """How far one command is, with a text of what it does right now; safe to move from several threads.

    Args:
        title: What is done, such as ``Loading``.
        unit: What its steps are, such as ``tables``.
        progress: The terminal's bar; None where there is no terminal.
        lines: Takes a plain line; None where nobody wants any.
        pace: How fast it goes.
    """

    def __init__(
        self,
        title: str,
        unit: str,
        progress: Progress | None = None,
        lines: Callable[[str], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._title = title
        self._unit = unit
        self._progress = progress
        self._lines = lines
        self._pace = pace or Pace()
        self._told_at = 0.0
        self._note = ""
        self._lock = Lock()
        self._task = progress.add_task(title, total=None, note="", pace=self._pace) if progress else None

    def move(self, completed: int, total: int) -> None:
        """So much of so much is done."""
        with self._lock:
            self._pace.move(completed, total)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=completed, total=total or None)
        self._tell()

    def read(self, rows: int) -> None:
        """So many more rows were read."""
        with self._lock:
            self._pace.rows += rows
        self._tell()

    def say(self, note: str) -> None:
        """What happens right now."""
        self._note = note
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, note=note)
        self._tell()

    def _tell(self) -> None:
        """A plain line, if the last one is long enough ago."""
        if self._lines is None:
            return
        with self._lock:
            if self._pace.elapsed < self._told_at + LINE_SECONDS:
                return
            self._told_at = self._pace.elapsed
            counted = f"{self._pace.completed} of {self._pace.total} {self._unit}" if self._pace.total else self._note
            steps = [counted] if counted else []
            line = f"{self._title}: {', '.join([*steps, *self._pace.parts()])}"
        self._lines(line)


@contextmanager
def bar(title: str, unit: str, settings: Settings) -> Iterator[Bar]:
    """A bar that goes away at the end of the context; a line every half minute where no terminal shows it.

    Args:
        title: What is done.
        unit: What its steps are.
        settings: RCM_PROGRESS=off wants none of it, and RCM_LOG=json has standard error to itself.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if settings.variables.progress == "off" or settings.variables.log == "json":
        yield Bar(title, unit)
        return
    if not console.is_terminal:
        yield Bar(title, unit, lines=lambda line: console.print(line, markup=False))
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=12 if console.width < 100 else 30),
        _Steps(),
        _Told(),
        # What there is no room for is cut off.
        TextColumn("[dim]{task.fields[note]}[/dim]", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        yield Bar(title, unit, progress)


def _clock(seconds: float) -> str:
    """``0:05``, ``12:40``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class LoadProgress:
    """Shows the loads of one ingest: tables come to their end, rows arrive.

    Args:
        shown: Where.
        tables: Number of tables that the run is about.
    """

    def __init__(self, shown: Bar, tables: int) -> None:
        self._bar = shown
        self._tables = tables
        self._ended: set[str] = set()
        self._lock = Lock()
        shown.move(0, tables)

    def run_started(self, run_id: str) -> None:
        """Nothing to show yet."""

    def run_finished(self, results: Sequence[LoadResult], seconds: float) -> None:
        """The bar goes with its context."""

    def started(self, label: str) -> None:
        """A load begins."""
        self._bar.say(label)

    def advanced(self, label: str, rows: int) -> None:
        """So many more rows were read."""
        self._bar.read(rows)
        self._bar.say(label)

    def finished(self, result: LoadResult) -> None:
        """A load came to its end; the first of a table's files counts for the table."""
        with self._lock:
            self._ended.add(result.label)
        self._bar.move(len(self._ended), self._tables)
