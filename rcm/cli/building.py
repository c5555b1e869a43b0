"""``rcm run``, ``rcm replay`` and ``rcm redrive``: bronze into silver, history and gold."""

import time
from typing import TYPE_CHECKING

import typer

from ingestion.base.errors import ErrorLine
from rcm.cli.completion import SystemName, TableName
from rcm.cli.console import (
    AsJson,
    Full,
    Panel,
    ProjectDir,
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
from rcm.cli.loading import load, print_loads

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from rcm.warehouse.build import Transformation

commands = typer.Typer()


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm run", "load what is new, then build silver, history and gold"),
        ("rcm run --source claims", "load one system, then build"),
    ),
)
def run(
    source: SystemName = None,
    table: TableName = None,
    full: Full = False,
    project_dir: ProjectDir = None,
) -> None:
    """Ingest, then build with dbt; what loaded is built even if another source failed."""
    with project(project_dir) as settings:
        from ingestion.sources.planned import Request

        declared = read_control(settings)
        summary = load(settings, declared.systems, source, table, Request(full), problems=declared.problems)
        print_loads(summary)
        built = build(settings)
        exit_if(bool(summary.failed or declared.problems or built.failures))


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm replay", "after a rule, a map or this program changed, or the warehouse was lost"),
    ),
)
def replay(project_dir: ProjectDir = None) -> None:
    """Rebuild silver, history and gold from bronze alone; without changes they end as they were."""
    with project(project_dir) as settings:
        declared = read_control(settings)
        built = build(settings, full_refresh=True)
        exit_if(bool(declared.problems or built.failures))


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm redrive", "corrected lines, and what a changed rule or map may let in"),
        ("rcm redrive --source claims", "the corrected lines of one system"),
    ),
)
def redrive(
    source: SystemName = None, table: TableName = None, as_json: AsJson = False, project_dir: ProjectDir = None
) -> None:
    """Take rejected lines of files again, after they were corrected in landing/rejects or the declaration was.

    Where a rule or map changed since rows were judged, all rows are judged anew, and silver, history and gold rebuilt.
    """
    with project(project_dir) as settings:
        from rcm.warehouse.build import has_outdated_judgements

        declared = read_control(settings)
        summary = load(settings, declared.systems, source, table, problems=declared.problems, rejects=True)
        # What a broken declaration would leave out must not be rebuilt without it.
        judges_anew = not declared.problems and has_outdated_judgements(settings)
        if as_json:
            loads = {"run_id": summary.run_id, "seconds": summary.seconds, "results": records(summary.results)}
            print_json({**loads, "judges_anew": judges_anew})
        elif summary.results:
            print_loads(summary)
        else:
            output().print("No rejected lines wait")
        is_broken = judges_anew and _judge_anew(settings, quietly=as_json)
        exit_if(bool(summary.failed or declared.problems or is_broken))


def _judge_anew(settings: "Settings", *, quietly: bool) -> bool:
    """Rebuild from bronze; returns whether that failed."""
    if quietly:
        return rebuild(settings, full_refresh=True)
    output().print("A rule, map or other declaration changed since rows were judged: judging all rows anew")
    return bool(build(settings, full_refresh=True).failures)


def build(settings: "Settings", *, full_refresh: bool = False) -> "Transformation":
    """Build with a progress bar and print the KPIs; failures and warnings go to standard error."""
    from ingestion.loads.alerts import Failure
    from rcm.cli.progress import bar
    from rcm.warehouse import build as transform

    started = time.monotonic()
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with bar("Building", "steps", settings) as shown:
        built = transform.build(settings, shown.move, full_refresh=full_refresh)
    print_errors(*map(_error_line, built.failures))
    send_alert(settings, "dbt build", tuple(Failure("dbt", "build", "BuildError", line) for line in built.failures))
    print_errors(*map(_warned, built.warnings), severity="warning")
    counts = [f"{built.done} models, snapshots and tests"]
    counts += [f"{len(built.warnings)} warnings"] if built.warnings else []
    counts += [f"{built.skipped} skipped"] if built.skipped else []
    counts += [f"{len(built.failures)} failed (logs/dbt.log)"] if built.failures else []
    output().print(f"Built {', '.join(counts)} in {time.monotonic() - started:.1f} s")
    if built.failures:
        # What was skipped still shows the build before; its numbers beside a failure would look fresh.
        output().print("What was skipped is as the last good build left it: rcm status shows its numbers")
    else:
        print_kpis(settings)
    return built


def rebuild(settings: "Settings", select: str | None = None, *, full_refresh: bool = False) -> bool:
    """Build all or a part quietly; returns whether that failed, and says so on standard error."""
    from rcm.warehouse import build as transform

    built = transform.build(settings, select=select, full_refresh=full_refresh)
    print_errors(*map(_error_line, built.failures))
    print_errors(*map(_warned, built.warnings), severity="warning")
    return bool(built.failures)


def _error_line(failure: str) -> ErrorLine:
    """A failed node of dbt, or why dbt did not start, and what to do."""
    # What messages of the project itself advise follows a semicolon; DuckDB's have none.
    what, parted, remedy = failure.partition("; ")
    return ErrorLine(what, remedy if parted else "fix what it names (logs/dbt.log has the full message), then rcm run")


def _warned(warning: str) -> ErrorLine:
    return ErrorLine(warning, "look at the rows: rcm status, docs/data-quality.md")


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
