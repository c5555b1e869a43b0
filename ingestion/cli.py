"""The command ``rcm``: simulate, plan, ingest, run, status, demo.

Heavy libraries are imported inside the commands that need them, so that help appears at once.
Exit codes: 0 done, 1 some source or model failed, 2 usage or configuration.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from ingestion.errors import IngestionError, SpecError

if TYPE_CHECKING:
    from ingestion.control_table import ControlTable
    from ingestion.load import IngestSummary
    from ingestion.plan import PlannedLoad
    from ingestion.settings import Settings
    from ingestion.specs import SystemSpec
    from ingestion.transform import Transformation
    from simulator import SimulationSummary

FAILED = 1
MISUSED = 2
# Tables are not folded to 80 columns where the output goes to a file or a pipe.
PIPED_WIDTH = 120
DEMO_PATIENTS = 2000
DEMO_SEED = 42
# The control table whose hospitals the simulator makes.
SIMULATED_CONTROL_TABLE = "models/bronze"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Hospitals' databases, claim files and code sets to [bold]bronze, silver and gold[/bold], incrementally.",
    epilog="Start with [bold cyan]rcm demo[/bold cyan]; it needs no account and no network.",
)

ProjectDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of dbt_project.yml.  [dim]default: the nearest one upwards[/dim]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead of a table.")]
SystemName = Annotated[
    str | None, typer.Option("--source", "-s", metavar="SYSTEM", help="Only this source system, such as hospital_a.")
]
TableName = Annotated[str | None, typer.Option("--table", "-t", metavar="TABLE", help="Only this table, such as npi.")]
Full = Annotated[
    bool, typer.Option("--full", help="Read everything again instead of what changed since the last load.")
]


def _examples(*lines: tuple[str, str]) -> str:
    """Epilog of a command: one paragraph per example."""
    width = max(len(command) for command, _ in lines)
    shown = (f"  [cyan]{command.ljust(width)}[/cyan]  [dim]{meaning}[/dim]" for command, meaning in lines)
    return "\n\n".join(["[bold]Examples[/bold]", *shown])


def main() -> None:
    """Entry point of the installed command."""
    try:
        app(prog_name="rcm")
    except Exception as error:  # noqa: BLE001 - whatever it is, one line; its text may hold values of the data
        place = extract_tb(error.__traceback__)[-1]
        _complain(f"unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}; please report it")
        sys.exit(FAILED)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rcm {version('rcm-lakehouse')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


def _output() -> Console:
    """Standard output; Rich leaves colours out for pipes and NO_COLOR."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def _complain(*problems: str, severity: Literal["error", "warning"] = "error") -> None:
    """One line per problem on standard error."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for problem in problems:
        errors.print(f"{severity}:", style="bold red" if severity == "error" else "bold yellow", end=" ")
        errors.print(" ".join(problem.split()), markup=False)


def _print_json(content: object) -> None:
    """Times are UTC."""

    def as_text(value: object) -> str:
        if isinstance(value, datetime):
            return f"{value.isoformat()}Z"
        return value.isoformat() if isinstance(value, date) else str(value)

    typer.echo(json.dumps(content, indent=2, default=as_text))


@contextlib.contextmanager
def _project(project_dir: Path | None) -> Iterator["Settings"]:
    """Work in the project's folder, with its settings; expected errors become one line and an exit code."""
    from ingestion.settings import read_settings

    try:
        with contextlib.chdir(_project_folder(project_dir)):
            yield read_settings()
    except SpecError as error:
        _complain(*error.problems)
        raise typer.Exit(MISUSED) from None
    except IngestionError as error:
        _complain(str(error))
        raise typer.Exit(FAILED) from None


def _project_folder(project_dir: Path | None) -> Path:
    """The given folder, or the nearest one upwards from here that holds dbt_project.yml."""
    start = (project_dir or Path.cwd()).resolve()
    folders = [start] if project_dir else [start, *start.parents]
    found = next((folder for folder in folders if (folder / "dbt_project.yml").is_file()), None)
    if found is None:
        place = f"in {start}" if project_dir else f"in {start} or above it"
        raise SpecError([f"no dbt_project.yml {place}; name the checkout with --project-dir"])
    return found


def _control_table(settings: "Settings") -> "ControlTable":
    """The control table; what is wrong with a system goes to standard error and leaves the others."""
    from ingestion.control_table import read_control_table

    table = read_control_table(settings.project_dir, settings.bronze_dir)
    if not table.systems:
        raise SpecError(list(table.problems) or ["no system is listed; see docs/onboarding-a-hospital.md"])
    _complain(*table.problems)
    return table


@app.command(
    epilog=_examples(
        ("rcm simulate", "two hospitals with 2,000 patients each"),
        ("rcm simulate --patients 100000 --seed 7", "a larger group"),
        ("rcm simulate --day 3", "the same group three days later"),
    )
)
def simulate(
    patients: Annotated[
        int | None,
        typer.Option(min=100, help="Patients of each hospital at day 0.  [dim]default: 2000[/dim]", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed gives the same data.  [dim]default: 42[/dim]", show_default=False),
    ] = None,
    day: Annotated[
        int | None,
        typer.Option(min=0, help="Days after the first extract.  [dim]default: where it is[/dim]", show_default=False),
    ] = None,
    project_dir: ProjectDir = None,
) -> None:
    """Make a hospital group's databases, claim files and registries, with counted defects and an answer key.

    Where a simulation exists, values that are not given are its own; a greater --day brings changes, late and
    corrected rows, deletes and new files.
    """
    with _project(project_dir) as settings:
        summary = _simulate(settings, {"patients": patients, "seed": seed, "day": day})
        _output().print(_simulated(summary))


def _simulate(settings: "Settings", given: Mapping[str, int | None]) -> "SimulationSummary":
    """Simulate with what was given, else what the existing simulation has, else the defaults."""
    from ingestion.progress import bar
    from simulator import SimulationError
    from simulator import simulate as simulate_sources

    defaults = {"patients": DEMO_PATIENTS, "seed": DEMO_SEED, "day": 0}
    existing = settings.sources / "simulation.json"
    held = json.loads(existing.read_text(encoding="utf-8")) if existing.is_file() else {}
    arguments: dict[str, int] = {**defaults, **{name: held[name] for name in defaults if name in held}}
    arguments |= {name: value for name, value in given.items() if value is not None}
    try:
        with bar("Simulating") as shown:
            return simulate_sources(settings.warehouse.parent, **arguments, progress=shown.say)
    except SimulationError as error:
        raise SpecError([str(error)]) from None


def _simulated(summary: "SimulationSummary") -> str:
    rows = sum(sum(tables.values()) for tables in summary.rows.values())
    what = f"{len(summary.rows)} hospitals, {summary.patients:,} patients each, seed {summary.seed}, day {summary.day}"
    if not summary.changed:
        return f"Simulation is there already: {what}"
    return f"Simulated {what}: {rows:,} rows in databases, {len(summary.files)} files landed"


@app.command(
    epilog=_examples(
        ("rcm plan", "every table"),
        ("rcm plan --source hospital_a --json", "one system, for a machine"),
    )
)
def plan(
    source: SystemName = None,
    table: TableName = None,
    full: Full = False,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Show what would load: full or incremental, from which watermark, and why. Writes nothing."""
    with _project(project_dir) as settings:
        from ingestion.plan import Request, plan_all, selected_tables
        from ingestion.report import plan_view

        declared = _control_table(settings)
        planned = plan_all(settings, selected_tables(declared.systems, source, table), Request(full))
        if as_json:
            _print_json([_plan_record(load) for load in planned])
        else:
            _output().print(plan_view(planned))
        blocked = [load for load in planned if load.action == "blocked"]
        _complain(*(f"{load.table.label}: {load.error}" for load in blocked))
        _exit_if(bool(blocked or declared.problems))


def _plan_record(load: "PlannedLoad") -> dict[str, Any]:
    return {
        "system": load.system.name,
        "table": load.table.name,
        "action": load.action,
        "load_type": load.load_type,
        "watermark_low": load.watermark_low,
        "source_file": load.file.name if load.file else None,
        "reason": load.reason,
        "error": str(load.error) if load.error else None,
    }


@app.command(
    epilog=_examples(
        ("rcm ingest", "what changed since the last load, every table"),
        ("rcm ingest --source claims", "one system"),
        ("rcm ingest -s hospital_b -t patients --full", "one table, everything again"),
    )
)
def ingest(
    source: SystemName = None,
    table: TableName = None,
    full: Full = False,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Load sources into bronze; a source that fails keeps no other from loading."""
    with _project(project_dir) as settings:
        declared = _control_table(settings)
        summary = _ingest(settings, declared.systems, source, table, full=full)
        if as_json:
            results = [asdict(result) for result in summary.results]
            _print_json({"run_id": summary.run_id, "seconds": summary.seconds, "results": results})
        else:
            _print_loads(summary)
        _exit_if(bool(summary.failed or declared.problems))


def _ingest(
    settings: "Settings",
    systems: Sequence["SystemSpec"],
    source: str | None = None,
    table: str | None = None,
    *,
    full: bool = False,
) -> "IngestSummary":
    """Load with a progress bar; failures go to standard error."""
    from ingestion.load import ingest as ingest_tables
    from ingestion.plan import Request, selected_tables
    from ingestion.progress import LoadProgress, bar

    with _apis(settings) as reached, bar("Loading") as shown:
        progress = LoadProgress(shown, len(selected_tables(systems, source, table)))
        summary = ingest_tables(reached, systems, source=source, table=table, request=Request(full), progress=progress)
    _complain(*(f"{result.label}: {result.message}" for result in summary.results if result.status == "failed"))
    return summary


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
                "RCM_ICD_CLIENT_SECRET": "demo",
            }
        )


def _print_loads(summary: "IngestSummary") -> None:
    from ingestion.report import results_view

    output = _output()
    output.print(results_view(summary.results))
    for result in summary.results:
        if result.status == "committed" and result.message:
            output.print(f"note: {result.label}: {result.message}", style="yellow", markup=False, soft_wrap=True)
    output.print(_loaded(summary))


def _loaded(summary: "IngestSummary") -> str:
    committed = [result for result in summary.results if result.status == "committed"]
    if not committed:
        return f"Nothing new arrived in {summary.seconds:.1f} s"
    rows = sum(result.rows_written for result in committed)
    tables = len({result.label for result in committed})
    return f"Loaded {rows:,} new rows in {len(committed)} batches into {tables} tables in {summary.seconds:.1f} s"


@app.command(
    epilog=_examples(
        ("rcm run", "load what is new, then build silver, history and gold"),
        ("rcm run --source claims", "load one system, then build"),
    )
)
def run(
    source: SystemName = None,
    table: TableName = None,
    full: Full = False,
    project_dir: ProjectDir = None,
) -> None:
    """Ingest, then build with dbt; what loaded is built even if another source failed."""
    with _project(project_dir) as settings:
        declared = _control_table(settings)
        summary = _ingest(settings, declared.systems, source, table, full=full)
        _print_loads(summary)
        built = _build(settings)
        _exit_if(bool(summary.failed or declared.problems or built.failures))


def _build(settings: "Settings") -> "Transformation":
    """Build with a progress bar and print the KPIs; failures and warnings go to standard error."""
    from ingestion.progress import bar
    from ingestion.transform import build

    started = time.monotonic()
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with bar("Building") as shown:
        built = build(settings, shown.move)
    _complain(*built.failures)
    _complain(*built.warnings, severity="warning")
    counts = [f"{built.done} models, snapshots and tests"]
    counts += [f"{len(built.warnings)} warnings"] if built.warnings else []
    counts += [f"{built.skipped} skipped"] if built.skipped else []
    counts += [f"{len(built.failures)} failed (logs/dbt.log)"] if built.failures else []
    _output().print(f"Built {', '.join(counts)} in {time.monotonic() - started:.1f} s")
    if built.failures:
        # What was skipped still shows the build before; its numbers beside a failure would look fresh.
        _output().print("What was skipped is as the last good build left it: rcm status shows its numbers")
    else:
        _print_kpis(settings)
    return built


def _print_kpis(settings: "Settings") -> None:
    """The KPI table and where every row of bronze is, from the embedded warehouse."""
    from ingestion.report import accounting_line, headline_kpis, kpi_view, row_account

    output = _output()
    if not settings.uses_duckdb:
        output.print("The KPIs are in gold.kpi_headline of the target's warehouse.")
        return
    kpis, account = headline_kpis(settings.warehouse), row_account(settings.warehouse)
    if kpis:
        output.print()
        output.print(kpi_view(kpis))
    if account:
        output.print()
        output.print(accounting_line(account), soft_wrap=True)


@app.command(
    epilog=_examples(
        ("rcm status", "last load, rows and age of each table, quarantine, KPIs"),
        ("rcm status --json", "the same for a monitor"),
    )
)
def status(as_json: AsJson = False, project_dir: ProjectDir = None) -> None:
    """Show the last load of each table, its age, failures, what waits in quarantine, and the KPIs."""
    with _project(project_dir) as settings:
        from ingestion.plan import audit_log
        from ingestion.report import headline_kpis, open_quarantine, quarantine_view, states_view, table_states

        states = table_states(audit_log(settings), _control_table(settings).systems)
        waiting = open_quarantine(settings.warehouse) if settings.uses_duckdb else []
        if as_json:
            kpis = headline_kpis(settings.warehouse) if settings.uses_duckdb else []
            _print_json({"tables": _records(states), "open_quarantine": _records(waiting), "kpis": _records(kpis)})
            return
        output = _output()
        output.print(states_view(states, datetime.now(UTC).replace(tzinfo=None)))
        for state in states:
            if state.failures:
                output.print(
                    f"{state.system}.{state.table}: {state.message}", style="red", markup=False, soft_wrap=True
                )
        if waiting:
            output.print()
            output.print(quarantine_view(waiting))
        _print_kpis(settings)


def _records(items: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]


@app.command(
    epilog=_examples(
        ("rcm demo", "simulate, ingest, build, print the KPIs"),
        ("rcm simulate --day 1 && rcm demo", "the next day"),
        ("RCM_LAKEHOUSE=/tmp/large rcm demo --patients 20000", "ten times the size, elsewhere"),
    )
)
def demo(
    patients: Annotated[
        int | None,
        typer.Option(min=100, help="Patients of each hospital.  [dim]default: 2000[/dim]", show_default=False),
    ] = None,
    project_dir: ProjectDir = None,
) -> None:
    """Simulate two hospitals, ingest, build and print the KPIs: everything in one command, without a network."""
    with _project(project_dir) as settings:
        if settings.control_table != SIMULATED_CONTROL_TABLE:
            raise SpecError([f"rcm demo simulates the hospitals of {SIMULATED_CONTROL_TABLE}; unset RCM_BRONZE"])
        output = _output()
        simulation = _simulate(settings, {"patients": patients})
        output.print(_simulated(simulation))
        declared = _control_table(settings)
        summary = _ingest(settings, declared.systems)
        output.print(_loaded(summary))
        built = _build(settings)
        _print_next_steps(settings, next_day=simulation.day + 1)
        _exit_if(bool(summary.failed or declared.problems or built.failures))


def _print_next_steps(settings: "Settings", next_day: int) -> None:
    from rich.table import Table

    steps = Table.grid(padding=(0, 3))
    steps.add_row("rcm status", "last loads, quarantine, the KPIs again")
    steps.add_row(f"rcm simulate --day {next_day} && rcm demo", "the next day: changes, late rows, corrections")
    steps.add_row("make docs", "models, columns, lineage and tests as one page, site/index.html")
    steps.add_row(_shown_path(settings.warehouse), "the warehouse, for any DuckDB client: gold.kpi_headline and more")
    steps.add_row("README.md", "what the KPIs mean, and how to bring your own data")
    output = _output()
    output.print("\n[bold]Where to look next[/bold]")
    output.print(steps)


def _shown_path(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _exit_if(failed: bool) -> None:
    if failed:
        raise typer.Exit(FAILED)
