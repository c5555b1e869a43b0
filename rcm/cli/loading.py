"""``rcm plan`` and ``rcm ingest``: sources into bronze."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from ingestion.base.errors import ErrorLine, SpecError, error_line, kind_named
from rcm.cli.completion import SystemName, TableName
from rcm.cli.console import (
    AsJson,
    Full,
    Panel,
    ProjectDir,
    Since,
    Until,
    examples,
    exit_if,
    output,
    print_errors,
    print_json,
    project,
    read_control,
    records,
    send_alert,
    show,
)

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from ingestion.declared.specs import SystemSpec
    from ingestion.loads.load import IngestSummary
    from ingestion.sources.planned import PlannedLoad, Request

# The control table whose hospitals the simulator makes.
SIMULATED_CONTROL_TABLE = "models/bronze"

commands = typer.Typer()


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm plan", "every table"),
        ("rcm plan --source hospital_a --json", "one system, for a machine"),
    ),
)
def plan(
    source: SystemName = None,
    table: TableName = None,
    full: Full = False,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Show what would load and why: full or incremental, from which watermark, which files wait. Writes nothing."""
    with project(project_dir) as settings:
        from ingestion.loads.plan import plan_all, selected_tables
        from ingestion.loads.unclaimed import unclaimed_files
        from rcm.cli.views import plan_line, plan_view

        declared = read_control(settings)
        chosen = selected_tables(declared.systems, source, table)
        with _apis(settings) as reached:
            planned = plan_all(reached, chosen, request_of(full, since, until))
        # The files of a system that is left out would look like nobody's.
        if not declared.problems:
            print_unclaimed(unclaimed_files(settings, declared.systems, [system for system, _ in chosen]))
        if as_json:
            print_json([_plan_record(load) for load in planned])
        else:
            show(plan_view(planned))
            output().print(f"\n{plan_line(planned)}")
        blocked = [load for load in planned if load.action == "blocked"]
        print_errors(*(_error_line(load.table.label, load.problem, type(load.error).__name__) for load in blocked))
        exit_if(bool(blocked or declared.problems))


def _error_line(label: str, message: str | None, error_class: str | None) -> ErrorLine:
    return error_line(f"{label}: {message}", kind_named(error_class))


def _plan_record(load: "PlannedLoad") -> dict[str, Any]:
    spec = load.table.load
    return {
        "system": load.system.name,
        "table": load.table.name,
        "action": load.action,
        "load_type": load.load_type,
        "mode": spec.mode,
        "watermark": spec.watermark,
        "watermark_low": load.watermark_low,
        "watermark_until": load.watermark_until,
        "lag_seconds": spec.lag.total_seconds() if spec.watermark else None,
        "reads_from": load.reads_from,
        "files": spec.files,
        "source_file": load.file.name if load.file else None,
        "reason": load.reason,
        "error": load.problem,
    }


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm ingest", "what changed since the last load, every table"),
        ("rcm ingest --source claims", "one system"),
        ("rcm ingest -s hospital_b -t patients --full", "one table, everything again"),
        ("rcm ingest --since 2024-03-01 --until 2024-03-31", "a month again, the watermark stays"),
    ),
)
def ingest(
    source: SystemName = None,
    table: TableName = None,
    full: Full = False,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Load sources into bronze; a source that fails keeps no other from loading."""
    with project(project_dir) as settings:
        declared = read_control(settings)
        summary = load(
            settings, declared.systems, source, table, request_of(full, since, until), problems=declared.problems
        )
        if as_json:
            loads = {"run_id": summary.run_id, "seconds": summary.seconds, "results": records(summary.results)}
            print_json({**loads, "unclaimed_files": summary.unclaimed})
        else:
            print_loads(summary)
        exit_if(bool(summary.failed or declared.problems))


def load(
    settings: "Settings",
    systems: Sequence["SystemSpec"],
    source: str | None = None,
    table: str | None = None,
    request: "Request | None" = None,
    *,
    problems: Sequence[str] = (),
    rejects: bool = False,
) -> "IngestSummary":
    """Load with a progress bar; failures go to standard error.

    Args:
        settings: Where everything is.
        systems: The control table's systems.
        source: Only this system.
        table: Only this table.
        request: What to read; None for what is new.
        problems: What is wrong with systems that are left out; an alert tells of it, too.
        rejects: Take rejected lines again, and nothing else.
    """
    from ingestion.loads.alerts import Failure, failed_loads
    from ingestion.loads.event_log import EventLog
    from ingestion.loads.load import ingest as ingest_tables
    from ingestion.loads.load import redrive as redrive_tables
    from ingestion.loads.plan import selected_tables
    from ingestion.sources.planned import WHAT_IS_NEW
    from rcm.cli.progress import LoadProgress, MultiProgress, bar

    with (
        _apis(settings) as reached,
        bar("Loading", "tables", settings) as shown,
        EventLog.of_project(settings) as events,
    ):
        progress = MultiProgress(LoadProgress(shown, len(selected_tables(systems, source, table))), events)
        if rejects:
            summary = redrive_tables(reached, systems, source=source, table=table, progress=progress)
        else:
            wanted = request or WHAT_IS_NEW
            summary = ingest_tables(reached, systems, source=source, table=table, request=wanted, progress=progress)
        if problems:
            # The files of a system that is left out would look like nobody's.
            summary = replace(summary, unclaimed=())
        failures = failed_loads(summary.results)
        failures += tuple(Failure("control table", "left out", "SpecError", problem) for problem in problems)
        if summary.unlogged is not None:
            failures += (Failure("audit", "load_log", "SourceUnavailableError", summary.unlogged),)
        if failures and settings.values.get("RCM_ALERT_URL"):
            events.alerted(send_alert(settings, summary.run_id, failures))
        if summary.unclaimed:
            events.unclaimed(summary.unclaimed)
    failed = [result for result in summary.results if result.status == "failed"]
    print_errors(*(_error_line(result.label, result.message, result.error_class) for result in failed))
    if summary.unlogged is not None:
        print_errors(summary.unlogged)
    if summary.warning is not None:
        print_errors(summary.warning, severity="warning")
    print_unclaimed(summary.unclaimed)
    return summary


def print_unclaimed(names: Sequence[str]) -> None:
    """Warn of landing files that nothing reads."""
    from ingestion.loads.unclaimed import unclaimed_line

    if names:
        print_errors(unclaimed_line(names), severity="warning")


def request_of(full: bool, since: str | None, until: str | None) -> "Request":
    """What the options ask for.

    Raises:
        SpecError: They contradict each other, or a bound is no value of a watermark.
    """
    from ingestion.sources.planned import Request

    if full and (since or until):
        raise SpecError(["--full reads everything, --since and --until a range; give one or the other"])
    request = Request(full, _bound("--since", since), _bound("--until", until))
    if request.since and request.until and not request.since.isdigit() and request.since > request.until:
        raise SpecError([f"--since {since} is after --until {until}; give the earlier moment first"])
    return request


def _bound(option: str, text: str | None) -> str | None:
    """A bound as watermarks are written, in UTC; a day that ends a range ends it with its last moment."""
    # A watermark may be a number.
    if text is None or text.isdigit():
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SpecError([f"{option} {text}: is no date; write 2024-03-01 or 2024-03-01T08:00, say"]) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    is_day = len(text) <= len("2024-03-01")
    if option == "--until" and is_day:
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment.isoformat(sep=" ")


@contextlib.contextmanager
def _apis(settings: "Settings") -> Iterator["Settings"]:
    """Settings that reach the APIs: a stub of them where the sources are simulated and no address is set.

    Invented providers are no business of the real registry, and a simulation needs neither account nor network.
    """
    is_simulated = (settings.sources / "simulation.json").is_file()
    addresses = ("RCM_NPI_URL", "RCM_ICD_URL")
    if not is_simulated or settings.control_table != SIMULATED_CONTROL_TABLE or any(map(settings.resolve, addresses)):
        yield settings
        return
    from simulator.api_stub import serve

    with serve(settings.sources) as stub:
        yield settings.with_values(
            {
                "RCM_NPI_URL": stub.npi_url,
                "RCM_ICD_URL": stub.icd_url,
                "RCM_ICD_TOKEN_URL": stub.icd_token_url,
                # The stub gives a token to anyone who names himself.
                "RCM_ICD_CLIENT_ID": "demo",
                "RCM_ICD_CLIENT_SECRET": "demo",  # pragma: allowlist secret
            }
        )


def print_loads(summary: "IngestSummary") -> None:
    """A table of the loads, their notes, and their sum."""
    from rcm.cli.views import results_view

    show(results_view(summary.results))
    console = output()
    for result in summary.results:
        if result.status in ("committed", "conflict") and result.message:
            console.print(f"note: {result.label}: {result.message}", style="yellow", markup=False)
    console.print(loaded(summary))


def loaded(summary: "IngestSummary") -> str:
    """The outcome of a run in one line."""
    committed = [result for result in summary.results if result.status == "committed"]
    failed = sum(result.status == "failed" for result in summary.results)
    rest = f", {failed} of {len(summary.results)} loads failed" if failed else ""
    if not committed:
        return f"Nothing new arrived in {summary.seconds:.1f} s{rest}"
    rows = sum(result.rows_written for result in committed)
    tables = len({result.label for result in committed})
    return f"Loaded {rows:,} new rows in {len(committed)} batches into {tables} tables in {summary.seconds:.1f} s{rest}"
