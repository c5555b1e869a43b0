"""A run as a service: load what is new, then build; the command line prints what this returns, and anybody can call it.

``run(read_settings())`` is the daily run. It raises only where nothing can be done at all; what failed of one source
or one model is in the outcome, was logged to logs/rcm.jsonl and was sent as an alert.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings
from ingestion.declared.control_table import ControlTable
from ingestion.loads.alerts import Failure, alert_failures, failed_loads
from ingestion.loads.event_log import EventLog
from ingestion.loads.load import IngestSummary, ingest, redrive
from ingestion.loads.plan import Names, selected_tables
from ingestion.loads.progress import MultiProgress, NullProgress, Progress
from ingestion.sources.control_table import read_control_table
from ingestion.sources.planned import WHAT_IS_NEW, Request
from rcm.simulation import simulated_apis
from rcm.warehouse.build import BuildOutcome, BuildProgress
from rcm.warehouse.build import build as build_warehouse


@dataclass(frozen=True)
class LoadOutcome:
    """Outcome of the loads of a run.

    Args:
        summary: The loads.
        problems: One line per system that is left out because its declaration is broken.
        alert_problem: What kept the alert from being delivered; None where it was delivered or there was none to send.
    """

    summary: IngestSummary
    problems: tuple[str, ...] = ()
    alert_problem: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a load failed, or a system was left out."""
        return self.summary.failed or bool(self.problems)


@dataclass(frozen=True)
class RunOutcome:
    """Outcome of a run: what was loaded, and what was built of it."""

    loads: LoadOutcome
    build: BuildOutcome

    @property
    def failed(self) -> bool:
        """Whether a load, a declaration, a model or a test failed."""
        return self.loads.failed or self.build.failed


class RunListener(Protocol):
    """Observer of a run, called as it goes."""

    def loading(self, tables: int) -> AbstractContextManager[Progress]:
        """Loads of this many tables begin; their progress goes to the context."""

    def loaded(self, loads: LoadOutcome) -> None:
        """Every load has ended."""

    def building(self) -> AbstractContextManager[BuildProgress | None]:
        """The build begins; its progress goes to the context."""

    def built(self, build: BuildOutcome) -> None:
        """The build has ended."""


class NullListener:
    """Observer that does nothing."""

    @contextmanager
    def loading(self, tables: int) -> Iterator[Progress]:  # noqa: ARG002 - the protocol's
        """Progress without a display."""
        yield NullProgress()

    def loaded(self, loads: LoadOutcome) -> None:
        """Nothing."""

    @contextmanager
    def building(self) -> Iterator[BuildProgress | None]:
        """Progress without a display."""
        yield None

    def built(self, build: BuildOutcome) -> None:
        """Nothing."""


def run(
    settings: Settings,
    *,
    control: ControlTable | None = None,
    source: Names = None,
    table: Names = None,
    request: Request = WHAT_IS_NEW,
    force: bool = False,
    listener: RunListener | None = None,
) -> RunOutcome:
    """Load what is new of every selected table, then build; what was loaded is built even if another source failed.

    Args:
        settings: Where everything is.
        control: The control table; None reads it.
        source: Only these systems.
        table: Only these tables.
        request: What to read of them.
        force: Build everything, whether or not anything changed.
        listener: Observer of the run.

    Raises:
        SpecError: No such source or table, or no system is declared without a fault.
        SourceUnavailableError: The lakehouse cannot be reached.
        IngestionError: dbt is not installed.
    """
    watched = listener or NullListener()
    control = control or read_control(settings)
    loads = load(settings, control=control, source=source, table=table, request=request, listener=watched)
    return RunOutcome(loads, build(settings, control=control, force=force, listener=watched))


def load(
    settings: Settings,
    *,
    control: ControlTable | None = None,
    source: Names = None,
    table: Names = None,
    request: Request = WHAT_IS_NEW,
    rejects: bool = False,
    listener: RunListener | None = None,
) -> LoadOutcome:
    """Load into bronze, log the events, and send an alert if anything failed.

    Args:
        settings: Where everything is.
        control: The control table; None reads it.
        source: Only these systems.
        table: Only these tables.
        request: What to read of them.
        rejects: Load the rejected lines of files again, and nothing else.
        listener: Observer of the loads.
    """
    watched = listener or NullListener()
    declared = control or read_control(settings)
    systems = declared.systems
    tables = len(selected_tables(systems, source, table))
    with (
        simulated_apis(settings, systems) as reached,
        EventLog.of_project(settings) as events,
        watched.loading(tables) as shown,
    ):
        progress = MultiProgress(shown, events)
        if rejects:
            summary = redrive(reached, systems, source=source, table=table, progress=progress)
        else:
            summary = ingest(reached, systems, source=source, table=table, request=request, progress=progress)
        if declared.problems:
            # The files of a system that is left out would look unmatched.
            summary = replace(summary, unclaimed=())
        failures = _failures(summary, declared.problems)
        alert_problem = alert_failures(settings.values, summary.run_id, failures)
        if failures and settings.variables.alert_url:
            events.alerted(alert_problem)
        if summary.unclaimed:
            events.unclaimed(summary.unclaimed)
    outcome = LoadOutcome(summary, tuple(declared.problems), alert_problem)
    watched.loaded(outcome)
    return outcome


def build(
    settings: Settings,
    *,
    control: ControlTable | None = None,
    full_refresh: bool = False,
    select: str | None = None,
    force: bool = False,
    listener: RunListener | None = None,
) -> BuildOutcome:
    """Build what changed of silver, history and gold, and send an alert if anything failed.

    Args:
        settings: Where everything is.
        control: The control table; None reads it.
        full_refresh: Rebuild everything from bronze.
        select: Only these nodes, as dbt selects them.
        force: Build everything, whether or not anything changed.
        listener: Observer of the build.
    """
    watched = listener or NullListener()
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with watched.building() as progress:
        built = build_warehouse(
            settings, progress, full_refresh=full_refresh, select=select, force=force, control=control
        )
    failures = tuple(Failure("dbt", "build", "BuildError", line) for line in built.failures)
    built = replace(built, alert_problem=alert_failures(settings.values, "dbt build", failures))
    watched.built(built)
    return built


def read_control(settings: Settings) -> ControlTable:
    """The control table; what is wrong with a system is in its problems and leaves the others.

    Raises:
        SpecError: No system is declared without a fault.
    """
    declared = read_control_table(settings.project_dir, settings.bronze_dir, settings.values)
    if not declared.systems:
        raise SpecError(list(declared.problems) or ["no system is listed; see docs/onboarding-a-hospital.md"])
    return declared


def _failures(summary: IngestSummary, problems: Sequence[str]) -> tuple[Failure, ...]:
    failures = failed_loads(summary.results)
    failures += tuple(Failure("control table", "left out", "SpecError", problem) for problem in problems)
    if summary.unlogged is not None:
        failures += (Failure("audit", "load_log", "SourceUnavailableError", summary.unlogged),)
    return failures
