"""A run on the terminal: progress, what failed and what to do, what was loaded and built, the KPIs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from ingestion.base.errors import ErrorLine, error_line, kind_named
from rcm.cli.console import output, print_errors, show

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from ingestion.bronze.audit import LoadResult
    from ingestion.loads.load import IngestSummary
    from ingestion.loads.progress import Progress
    from rcm.service import LoadOutcome
    from rcm.warehouse.build import BuildOutcome, BuildProgress
    from rcm.warehouse.changes import Scope
    from rcm.warehouse.last_build import LeftOut


class TerminalListener:
    """Shows a run; failures and warnings go to standard error.

    Args:
        settings: Of the run.
        loads: Loads as a table, as one line, or not at all.
        builds: Whether the build shows its progress, its outcome and the KPIs.
    """

    def __init__(
        self, settings: "Settings", *, loads: Literal["table", "line", "nothing"] = "nothing", builds: bool = True
    ) -> None:
        self._settings = settings
        self._loads = loads
        self._builds = builds
        self._started = time.monotonic()

    @contextmanager
    def loading(self, tables: int) -> Iterator["Progress"]:
        """A bar over the tables."""
        from rcm.cli.progress import LoadProgress, bar

        with bar("Loading", "tables", self._settings) as shown:
            yield LoadProgress(shown, tables)

    def loaded(self, loads: "LoadOutcome") -> None:
        """What failed, then the loads. Problems of the control table were printed when it was read."""
        summary = loads.summary
        failed = [result for result in summary.results if result.status == "failed"]
        print_errors(*(load_error(result.label, result.message, result.error_class) for result in failed))
        if loads.alert_problem is not None:
            print_errors(loads.alert_problem, severity="warning")
        if summary.unlogged is not None:
            print_errors(summary.unlogged)
        print_unclaimed(summary.unclaimed)
        if self._loads == "table" and summary.results:
            print_loads(summary)
        elif self._loads == "line":
            output().print(loaded_line(summary))

    @contextmanager
    def building(self) -> Iterator["BuildProgress | None"]:
        """A bar over the nodes."""
        from rcm.cli.progress import bar

        self._started = time.monotonic()
        if not self._builds:
            yield None
            return
        with bar("Building", "steps", self._settings) as shown:
            yield shown.move

    def built(self, build: "BuildOutcome") -> None:
        """What failed, the counts, and the KPIs where all of it was built."""
        print_errors(*map(_build_error, build.failures))
        if build.alert_problem is not None:
            print_errors(build.alert_problem, severity="warning")
        print_errors(*map(_build_warning, build.warnings), severity="warning")
        print_errors(*map(left_out_error, build.left_out))
        if not self._builds:
            return
        if build.scope is not None and build.scope.is_nothing:
            output().print("Nothing to build: no table, rule or setting changed since the last build")
            print_kpis(self._settings)
            return
        counts = [f"{build.done} models, snapshots and tests"]
        counts += [f"{len(build.warnings)} warnings"] if build.warnings else []
        counts += [f"{build.skipped} skipped"] if build.skipped else []
        counts += [f"{len(build.failures)} failed (logs/dbt.log)"] if build.failures else []
        output().print(f"Built {', '.join(counts)} in {time.monotonic() - self._started:.1f} s{_why(build.scope)}")
        if build.failures:
            # What was skipped still shows the build before; its numbers beside a failure would look fresh.
            output().print("What was skipped is as the last good build left it: rcm status shows its numbers")
        else:
            print_kpis(self._settings)


def _why(scope: "Scope | None") -> str:
    """What was built and why, behind the counts; empty where it was told."""
    from ingestion.base.messages import named

    if scope is None:
        return ""
    if scope.tables is None:
        return f": everything, for {scope.reason}"
    return f": what depends on {named(scope.tables)}"


def load_error(label: str, message: str | None, error_class: str | None) -> ErrorLine:
    """A failed load of ``system.table``, and what to do."""
    return error_line(f"{label}: {message}", kind_named(error_class))


def print_unclaimed(names: Sequence[str]) -> None:
    """Warn of landing files that nothing reads."""
    from ingestion.loads.unclaimed import unclaimed_line

    if names:
        print_errors(unclaimed_line(names), severity="warning")


def print_loads(summary: "IngestSummary") -> None:
    """A table of the loads, their notes, and their sum."""
    from rcm.cli.views import results_view

    show(results_view(summary.results))
    console = output()
    for note in notes(summary.results):
        console.print(f"note: {note}", style="yellow", markup=False)
    console.print(loaded_line(summary))


def notes(results: "Sequence[LoadResult]") -> list[str]:
    """What to know about loads that are done: once per table where several of its files say the same."""
    said: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.status in ("committed", "conflict") and result.message:
            without_file = result.message.replace(f"{result.source_file}: ", "")
            said.setdefault((result.label, without_file), []).append(result.message)
    return [
        f"{label}: {messages[0]}{f' (and of {len(messages) - 1} more files)' if len(messages) > 1 else ''}"
        for (label, _), messages in said.items()
    ]


def loaded_line(summary: "IngestSummary") -> str:
    """The outcome of the loads in one line."""
    committed = [result for result in summary.results if result.status == "committed"]
    failed = sum(result.status == "failed" for result in summary.results)
    rest = f", {failed} of {len(summary.results)} loads failed" if failed else ""
    if not committed:
        return f"Nothing new arrived in {summary.seconds:.1f} s{rest}"
    rows = sum(result.rows_written for result in committed)
    tables = len({result.label for result in committed})
    return f"Loaded {rows:,} new rows in {len(committed)} batches into {tables} tables in {summary.seconds:.1f} s{rest}"


def print_kpis(settings: "Settings") -> None:
    """The KPI table and where every row of bronze is, from the embedded warehouse."""
    from rcm.cli.views import accounting_line, kpi_view
    from rcm.warehouse.state import headline_kpis, row_account

    console = output()
    if not settings.uses_duckdb:
        console.print("The KPIs are in gold.kpi_headline of the target's warehouse.")
        return
    kpis, account = headline_kpis(settings.warehouse), row_account(settings.warehouse)
    if kpis:
        console.print()
        show(kpi_view(kpis))
    if account:
        console.print()
        console.print(accounting_line(account))


def _build_error(failure: str) -> ErrorLine:
    """A failed node of dbt, or why dbt did not start, and what to do."""
    # What messages of the project itself advise follows a semicolon; DuckDB's have none.
    what, parted, remedy = failure.partition("; ")
    return ErrorLine(what, remedy if parted else "fix what it names (logs/dbt.log has the full message), then rcm run")


def left_out_error(left_out: "LeftOut") -> ErrorLine:
    """A system that a build did without, and what to do."""
    return ErrorLine(left_out.shown, "correct its declaration, which rcm plan names, then rcm run")


def _build_warning(warning: str) -> ErrorLine:
    what, _, remedy = warning.rpartition("; ")
    if "unknown words: " in what:
        return ErrorLine(what, remedy)
    return ErrorLine(warning, "look at the rows: rcm status, docs/data-quality.md")
