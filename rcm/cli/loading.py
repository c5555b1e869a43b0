"""``rcm plan`` and ``rcm ingest``: sources into bronze."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from ingestion.base.errors import SpecError
from rcm.cli.completion import SystemNames, TableNames
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
    show,
    sound_sources,
)
from rcm.cli.terminal import TerminalListener, load_error, print_unclaimed

if TYPE_CHECKING:
    from ingestion.sources.planned import PlannedLoad, Request

commands = typer.Typer()


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm plan", "every table"),
        ("rcm plan --source hospital_a --json", "one system, for a machine"),
        ("rcm plan -s hospital_a -s hospital_b", "two systems"),
    ),
)
def plan(
    source: SystemNames = None,
    table: TableNames = None,
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
        from rcm.simulation import simulated_apis

        declared = read_control(settings)
        chosen = selected_tables(declared.systems, sound_sources(declared, source), table or None)
        with simulated_apis(settings, declared.systems) as reached:
            planned = plan_all(reached, chosen, request_of(full, since, until))
        # The files of a skipped system would look unmatched.
        if not declared.problems:
            print_unclaimed(unclaimed_files(settings, declared.systems, [system for system, _ in chosen]))
        if as_json:
            print_json([_plan_record(load) for load in planned])
        else:
            show(plan_view(planned))
            output().print(f"\n{plan_line(planned)}")
        blocked = [load for load in planned if load.action == "blocked"]
        print_errors(*(load_error(load.table.label, load.problem, type(load.error).__name__) for load in blocked))
        exit_if(bool(blocked or declared.problems))


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
        "files": spec.options.get("files"),
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
    source: SystemNames = None,
    table: TableNames = None,
    full: Full = False,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Load sources into bronze; a source that fails does not stop the others."""
    with project(project_dir) as settings:
        from rcm import service

        declared = read_control(settings)
        outcome = service.load(
            settings,
            control=declared,
            source=sound_sources(declared, source),
            table=table or None,
            request=request_of(full, since, until),
            listener=TerminalListener(settings, loads="nothing" if as_json else "table"),
        )
        summary = outcome.summary
        if as_json:
            loads = {"run_id": summary.run_id, "seconds": summary.seconds, "results": records(summary.results)}
            print_json({**loads, "unclaimed_files": summary.unclaimed})
        exit_if(outcome.failed)


def request_of(full: bool, since: str | None, until: str | None) -> "Request":
    """The request that the options make.

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
    """A bound as watermarks are written, in UTC; a day as the end of a range includes its last moment."""
    # A watermark may be a number.
    if text is None or text.isdigit():
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SpecError([f"{option} {text}: is not a date; write 2024-03-01 or 2024-03-01T08:00, say"]) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    is_day = len(text) <= len("2024-03-01")
    if option == "--until" and is_day:
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment.isoformat(sep=" ")
