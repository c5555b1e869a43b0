"""``rcm simulate`` and ``rcm demo``: a simulated hospital group."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.base.errors import SpecError
from rcm.cli.console import Panel, ProjectDir, examples, exit_if, output, project, read_control, show
from rcm.cli.terminal import TerminalListener

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from simulator import SimulationSummary

DEMO_PATIENTS = 2000
DEMO_SEED = 42
Remittance = Annotated[
    bool,
    typer.Option(
        "--remittance",
        help="Fill the hospitals' adjustments tables: denial reasons, write-offs, charity, refunds.",
    ),
]

commands = typer.Typer()


@commands.command(
    rich_help_panel=Panel.TRY,
    epilog=examples(
        ("rcm simulate", "two hospitals with 2,000 patients each"),
        ("rcm simulate --patients 100000 --seed 7", "a larger group"),
        ("rcm simulate --day 3", "the same group three days later"),
        ("rcm simulate --remittance", "with adjustments, denials, write-offs and refunds"),
    ),
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
    remittance: Remittance = False,
    project_dir: ProjectDir = None,
) -> None:
    """Simulate a hospital group's databases, claim files and registries, with counted defects and an answer key.

    If a simulation exists, its values are the defaults; a greater --day brings changes, late-arriving and corrected
    rows, deletes and new files.
    """
    with project(project_dir) as settings:
        summary = _simulate(
            settings, {"patients": patients, "seed": seed, "day": day, "remittance": remittance or None}
        )
        output().print(_simulated(summary))


def _simulate(settings: "Settings", given: Mapping[str, int | None]) -> "SimulationSummary":
    """Simulate with the given values, else those of the existing simulation, else the defaults."""
    from rcm.cli.progress import bar
    from simulator import SimulationError
    from simulator import simulate as simulate_sources

    defaults = {"patients": DEMO_PATIENTS, "seed": DEMO_SEED, "day": 0, "remittance": False}
    existing = settings.sources / "simulation.json"
    held = json.loads(existing.read_text(encoding="utf-8")) if existing.is_file() else {}
    arguments: dict[str, int] = {**defaults, **{name: held[name] for name in defaults if name in held}}
    arguments |= {name: value for name, value in given.items() if value is not None}
    try:
        with bar("Simulating", "steps", settings) as shown:
            return simulate_sources(
                settings.warehouse.parent,
                patients=arguments["patients"],
                seed=arguments["seed"],
                day=arguments["day"],
                remittance=bool(arguments["remittance"]),
                progress=shown.say,
            )
    except SimulationError as error:
        raise SpecError([str(error)]) from None


def _simulated(summary: "SimulationSummary") -> str:
    rows = sum(sum(tables.values()) for tables in summary.rows.values())
    what = f"{len(summary.rows)} hospitals, {summary.patients:,} patients each, seed {summary.seed}, day {summary.day}"
    what += ", with adjustments" if summary.remittance else ""
    if not summary.changed:
        return f"Simulation is there already: {what}"
    return f"Simulated {what}: {rows:,} rows in databases, {len(summary.files)} files landed"


@commands.command(
    rich_help_panel=Panel.TRY,
    epilog=examples(
        ("rcm demo", "simulate, ingest, build, print the KPIs"),
        ("rcm simulate --day 1 && rcm demo", "the next day"),
        ("RCM_LAKEHOUSE=large rcm demo --patients 20000", "ten times the size, elsewhere"),
        ("RCM_LAKEHOUSE=feed rcm demo --remittance", "with adjustments, denials and write-offs, elsewhere"),
    ),
)
def demo(
    patients: Annotated[
        int | None,
        typer.Option(min=100, help="Patients of each hospital.  [dim]default: 2000[/dim]", show_default=False),
    ] = None,
    remittance: Remittance = False,
    project_dir: ProjectDir = None,
) -> None:
    """Simulate two hospitals, ingest, build and print the KPIs, in one command and without a network."""
    with project(project_dir) as settings:
        from rcm import service
        from rcm.simulation import CONTROL_TABLE

        if settings.control_table != CONTROL_TABLE:
            raise SpecError([f"rcm demo simulates the hospitals of {CONTROL_TABLE}; unset RCM_BRONZE"])
        # The demo sends no alerts.
        settings = settings.with_values({"RCM_ALERT_URL": ""})
        console = output()
        simulation = _simulate(settings, {"patients": patients, "remittance": remittance or None})
        console.print(_simulated(simulation))
        listener = TerminalListener(settings, loads="line")
        outcome = service.run(settings, control=read_control(settings), listener=listener)
        _print_next_steps(settings, next_day=simulation.day + 1)
        exit_if(outcome.failed)


def _print_next_steps(settings: "Settings", next_day: int) -> None:
    from rich.table import Table

    steps = Table.grid(padding=(0, 3))
    steps.add_row("rcm status", "last loads, quarantine, the KPIs again")
    steps.add_row(f"rcm simulate --day {next_day} && rcm demo", "the next day: changes, late arrivals, corrections")
    steps.add_row("make docs", "pages, models and the lineage of every column: site/index.html")
    steps.add_row(_shown_path(settings.warehouse), "the warehouse, for any DuckDB client: gold.kpi_headline and more")
    steps.add_row("README.md", "what the KPIs mean, and how to bring your own data")
    console = output()
    console.print("\n[bold]Where to look next[/bold]")
    show(steps)


def _shown_path(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
