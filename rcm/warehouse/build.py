"""Builds with dbt in this process, and reports progress by node."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.messages import without_values
from ingestion.base.secret_store import without_unused
from ingestion.base.settings import Settings
from ingestion.declared.control_table import ControlTable
from ingestion.sources.control_table import read_control_table
from rcm.warehouse.changes import Scope, read_inputs, scope_of, written_at
from rcm.warehouse.last_build import Inputs, LeftOut, keep, last_build
from rcm.warehouse.left_out import TEST as EVERY_SYSTEM
from rcm.warehouse.left_out import decided
from rcm.warehouse.reader import held, is_taken

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt_common.events.base_types import EventMsg

# Called with the number of nodes finished and of all nodes.
BuildProgress = Callable[[int, int], None]

# Messages that hold names of the project and counts, never a value.
_ABOUT_SQL = (
    *("Binder Error", "Catalog Error", "Parser Error", "Compilation Error", "Got ", "IO Error", "no message"),
)
# What tests say of each waiting batch and each missing hospital: the project's own words, with counts and dollars.
_LISTED = ("Circuit breaker: ", "Missing hospital: ")
_OF_DUCKDB = re.compile(r"[A-Z][A-Za-z ]+ Error: ")
_LONGEST_KIND = 40
_TESTS_OF_MACROS = "path:tests/macros"
# The test that compares the rows' declarations with those of today.
# The test that names each word itself, in warnings of its own.
_WORDS_DECLARED = "assert_words_that_class_money_are_declared"
_STAGED_AS_DECLARED = "assert_staged_rows_follow_their_declarations"
_FAILED = ("error", "fail", "runtime error")
# DuckDB's word for a query that was interrupted, where it reaches dbt before the interrupt does.
_INTERRUPTED = "INTERRUPT Error"


@dataclass(frozen=True)
class BuildOutcome:
    """Outcome of one dbt invocation, in counts of nodes.

    Args:
        done: Models, snapshots and seeds built, tests passed.
        skipped: Nodes below a failed one.
        failures: One line per failed node: kind, name, first line of the reason. Or why dbt did not start.
        warnings: One line per test that warns, or one for each thing that it names.
        left_out: Systems with a broken declaration, which the build did without, and when they were last built.
        scope: What the build had to do; None where it was told.
        alert_problem: What kept the alert from being delivered; None where it was delivered or there was none to send.
    """

    done: int
    skipped: int
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    scope: Scope | None = None
    alert_problem: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a node failed, or a system was left out."""
        return bool(self.failures or self.left_out)


def build(
    settings: Settings,
    on_progress: BuildProgress | None = None,
    *,
    full_refresh: bool = False,
    select: str | None = None,
    force: bool = False,
    unit_tests: bool = False,
    control: ControlTable | None = None,
) -> BuildOutcome:
    """``dbt build`` in the project's folder with ``profiles/profiles.yml``; the log goes to logs/dbt.log.

    On the embedded warehouse, what cannot differ from the last build is not built (``rcm.warehouse.changes``).

    Args:
        settings: Their values are dbt's environment for the time of the build.
        on_progress: Called from dbt's threads after every node.
        full_refresh: Rebuild everything from bronze.
        select: Only these nodes, as dbt selects them.
        force: Build everything, whether or not anything changed.
        unit_tests: Also judge the project's code, which no hospital's data changes.
        control: The control table, which says whom to leave out; None reads it.

    Raises:
        IngestionError: dbt is not installed.
    """
    _require_dbt(settings)
    command = ["build", *(["--full-refresh"] if full_refresh else [])]
    # dbt's own variable may name further kinds to leave out.
    if not (unit_tests or "DBT_EXCLUDE_RESOURCE_TYPES" in settings.values):
        command += ["--exclude-resource-type", "unit_test"]
    if not unit_tests:
        command += ["--exclude", _TESTS_OF_MACROS]
    control = control or _control(settings)
    last = last_build(settings)
    inputs = _inputs(settings, control) if select is None else None
    scope = scope_of(last, inputs) if inputs and not (full_refresh or force) else Scope(None, "all was asked for")
    if scope.is_nothing and last is not None:
        return BuildOutcome(0, 0, last.failures, last.warnings, last.left_out, scope)
    selected = select or scope.select
    command += ["--select", *selected.split()] if selected else []
    built_at = dict(last.built_at) if last else {}
    if select is None:
        # Stands if this process is killed: what it leaves is then known to be half of something.
        keep(settings, failures=("dbt build: it did not come to its end; run rcm run",), built_at=built_at)
    said: list[str] = []
    invoked = _dbt(settings, command, on_progress, control, said)
    results = [
        result
        for result in getattr(invoked.result, "results", [])
        # The outcome names what is left out by itself.
        if getattr(result.node, "name", None) != EVERY_SYSTEM
    ]
    if isinstance(invoked.exception, KeyboardInterrupt) or any(_INTERRUPTED in str(node.message) for node in results):
        # What dbt keeps to itself: whoever pressed the keys wants out.
        raise KeyboardInterrupt
    failures = [line for result in results if str(result.status) in _FAILED for line in _failures(result)]
    if invoked.exception is not None and not failures:
        # dbt wraps its messages; the headline by itself has no information.
        failures = [_refusal(settings, str(invoked.exception))]
    statuses = [str(result.status) for result in results]
    outcome = BuildOutcome(
        done=sum(status in ("success", "pass") for status in statuses),
        skipped=statuses.count("skipped"),
        failures=tuple(failures),
        warnings=(*said, *(_failure(result) for result in results if _warns(result))),
        left_out=tuple(LeftOut(name, built_at.get(name)) for name in control.not_built),
        scope=scope if inputs else None,
    )
    if select is None and not failures:
        now = datetime.now(UTC).replace(tzinfo=None)
        built_at |= {system.name: now for system in control.systems}
    # A part that built says nothing of the rest, which may have failed before.
    if select is None or failures:
        keep(
            settings,
            failures=outcome.failures,
            skipped=outcome.skipped,
            warnings=outcome.warnings,
            left_out=outcome.left_out,
            built_at=built_at,
            # Batches that arrived since are built the next time.
            inputs=replace(inputs, warehouse=written_at(settings)) if inputs else None,
        )
    return outcome


def _inputs(settings: Settings, control: ControlTable) -> Inputs | None:
    """What a build would be made from; None where it is not known."""
    if not settings.uses_duckdb:
        return None
    # What keeps it from being read keeps dbt from building, too, and dbt's message is the one people know.
    with contextlib.suppress(IngestionError, SpecError):
        return read_inputs(settings, control)
    return None


def has_outdated_judgements(settings: Settings) -> bool:
    """Whether rows were staged before a map, a rule or another declaration of their table changed."""
    if settings.uses_duckdb and not settings.warehouse.exists():
        return False
    _require_dbt(settings)
    command = ["test", "--select", _STAGED_AS_DECLARED, "--exclude-resource-type", "unit_test"]
    outcome = _dbt(settings, command, None, _control(settings))
    return any(str(result.status) == "warn" for result in getattr(outcome.result, "results", []))


def _require_dbt(settings: Settings) -> None:
    """The package by itself only loads; a build needs dbt and the engine's adapter."""
    if find_spec("dbt") is None or find_spec("dbt.cli") is None:
        target = settings.variables.target
        raise IngestionError(f"dbt is not installed, so nothing can be built; pip install 'rcm-lakehouse[{target}]'")


def _warns(result: object) -> bool:
    """Whether a test warns, and has not said so itself."""
    name = getattr(getattr(result, "node", None), "name", None)
    return str(getattr(result, "status", "")) == "warn" and name != _WORDS_DECLARED


def _control(settings: Settings) -> ControlTable:
    return read_control_table(settings.project_dir, settings.bronze_dir, settings.values)


def _dbt(
    settings: Settings,
    command: Sequence[str],
    on_progress: BuildProgress | None,
    control: ControlTable,
    said: list[str] | None = None,
) -> "dbtRunnerResult":
    """Run dbt; what its macros warn of is added to ``said``."""
    # dbt takes seconds to import, so only who needs it pays for it.
    from dbt.cli.main import dbtRunner

    arguments = ["--log-level", "none", "--log-level-file", "debug", "--no-use-colors", *command]
    arguments += ["--project-dir", str(settings.project_dir)]
    arguments += ["--profiles-dir", str(settings.project_dir / "profiles")]
    progress = _NodeCount(on_progress, said)
    with contextlib.chdir(settings.project_dir), _environment(settings, control), decided(control):
        try:
            return dbtRunner(callbacks=[progress.note]).invoke(arguments)
        finally:
            if settings.uses_duckdb:
                _close_warehouse()


def _close_warehouse() -> None:
    """Let go of the DuckDB file, which dbt holds open for the life of the process: nobody else could read it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    reset_adapters()  # type: ignore[no-untyped-call]
    with contextlib.suppress(Exception):
        # It raises where dbt failed before it opened the file.
        DuckDBConnectionManager.env().close()  # type: ignore[no-untyped-call]
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


class _NodeCount:
    """Turns dbt's events into a count of nodes, and keeps what macros warn of."""

    def __init__(self, on_progress: BuildProgress | None, said: list[str] | None) -> None:
        self._on_progress = on_progress
        self._said = said
        self._all = 0
        self._finished = 0

    def note(self, event: "EventMsg") -> None:
        if event.info.name == "ConcurrencyLine":
            self._all = event.data.node_count
        elif event.info.name == "NodeFinished":
            self._finished += 1
        elif event.info.name == "JinjaLogWarning" and self._said is not None:
            self._said.append(event.data.msg)
            return
        else:
            return
        if self._on_progress is not None:
            self._on_progress(self._finished, self._all)


@contextlib.contextmanager
def _environment(settings: Settings, control: ControlTable) -> Iterator[None]:
    """Variables of the process, where dbt reads them; put back afterwards."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(needed_by_builds(settings, control))
    # As profiles.yml names it by default: dbt parses the whole project again where the path is another one.
    is_inside = settings.warehouse.is_relative_to(settings.project_dir)
    warehouse = settings.warehouse.relative_to(settings.project_dir) if is_inside else settings.warehouse
    os.environ["RCM_WAREHOUSE"] = str(warehouse)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def needed_by_builds(settings: Settings, control: ControlTable | None = None) -> dict[str, str]:
    """The variables without what only loads need: connections of the sources, and the secrets that they refer to.

    dbt, its adapters and what they start (a JVM) inherit the rest.
    """
    connections = (control or _control(settings)).connections
    return without_unused({name: value for name, value in settings.values.items() if name not in connections})


def _refusal(settings: Settings, text: str) -> str:
    """Why dbt did not start."""
    if is_taken(text):
        return f"dbt: {held(settings.warehouse, text)}; run it again when that is done"
    return f"dbt: {' '.join(text.split())}"


def _failures(result: object) -> list[str]:
    """A line per failed node; of a test that lists batches or hospitals, a line for each."""
    lines = [line.strip() for line in str(getattr(result, "message", "")).splitlines()]
    listed = [line for line in lines if line.startswith(_LISTED)]
    return [f"{_named(result)}: {line}" for line in listed] or [_failure(result)]


def _failure(result: object) -> str:
    return f"{_named(result)}: {_first_line(str(getattr(result, 'message', '')))}"


def _named(result: object) -> str:
    node = getattr(result, "node", None)
    kind, name = getattr(node, "resource_type", "node"), getattr(node, "name", "unknown")
    return f"{kind} {name}"


def _first_line(text: str) -> str:
    """What a dbt message says after its headline, which repeats the node's name and file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[1] if len(lines) > 1 and " Error in " in lines[0] else (lines or ["no message"])[0]
    # About what the SQL names, engines speak of the SQL; about what it meets at work, they quote the value, and that
    # may be a patient's.
    kind, _, _ = line.partition(":")
    if line.startswith(_ABOUT_SQL):
        return re.sub(r"'[^']*'", "'...'", line)
    if _OF_DUCKDB.match(line):
        return without_values(line)
    return f"{kind[:_LONGEST_KIND]}; logs/dbt.log has the whole message"
