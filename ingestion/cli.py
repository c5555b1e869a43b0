"""The command ``rcm``: simulate, plan, ingest, run, status, demo.

Heavy libraries are imported inside the commands that need them, so that help appears at once.
Exit codes: 0 done, 1 some source or model failed, 2 usage or configuration.
"""

import contextlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ingestion.errors import IngestionError, SpecError

if TYPE_CHECKING:
    from ingestion.settings import Settings

FAILED = 1
MISUSED = 2
# Tables are not folded to 80 columns where the output goes to a file or a pipe.
PIPED_WIDTH = 120

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
    app(prog_name="rcm")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rcm {version('rcm-lakehouse')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[  # noqa: ARG001 - its callback has acted already
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


def _output() -> Console:
    """Standard output; Rich leaves colours out for pipes and NO_COLOR."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def _fail(code: int, *lines: str) -> typer.Exit:
    """One line per problem on standard error, and the exit to raise."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        errors.print("[bold red]error:[/bold red]", line.replace("[", r"\["))
    return typer.Exit(code)


@contextlib.contextmanager
def _project(project_dir: Path | None) -> Iterator["Settings"]:
    """Work in the project's folder, with its settings; expected errors become one line and an exit code."""
    from ingestion.settings import read_settings

    try:
        with contextlib.chdir(_project_folder(project_dir)):
            yield read_settings()
    except SpecError as error:
        raise _fail(MISUSED, *error.problems) from None
    except IngestionError as error:
        raise _fail(FAILED, str(error)) from None


def _project_folder(project_dir: Path | None) -> Path:
    """The given folder, or the nearest one upwards from here that holds dbt_project.yml."""
    start = (project_dir or Path.cwd()).resolve()
    folders = [start] if project_dir else [start, *start.parents]
    found = next((folder for folder in folders if (folder / "dbt_project.yml").is_file()), None)
    if found is None:
        place = f"in {start}" if project_dir else f"in {start} or above it"
        raise SpecError([f"no dbt_project.yml {place}; name the checkout with --project-dir"])
    return found


@app.command(
    epilog=_examples(
        ("rcm simulate", "two hospitals with 2,000 patients each"),
        ("rcm simulate --patients 100000 --seed 7", "a larger group"),
        ("rcm simulate --day 3", "three days later: changes, late rows, corrections"),
    )
)
def simulate(
    patients: Annotated[int, typer.Option(min=1, help="Patients of each hospital at day 0.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 42,
    day: Annotated[int, typer.Option(min=0, help="Days after the first extract; time only advances.")] = 0,
    project_dir: ProjectDir = None,
) -> None:
    """Make a hospital group's databases, claim files and registries, with counted defects and an answer key."""
    with _project(project_dir) as settings:
        raise _fail(MISUSED, f"simulate is not there yet ({settings.lakehouse}, {patients}, {seed}, {day})")


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
    with _project(project_dir):
        raise _fail(MISUSED, f"plan is not there yet ({source}, {table}, {full}, {as_json})")


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
    with _project(project_dir):
        raise _fail(MISUSED, f"ingest is not there yet ({source}, {table}, {full}, {as_json})")


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
    with _project(project_dir):
        raise _fail(MISUSED, f"run is not there yet ({source}, {table}, {full})")


@app.command(
    epilog=_examples(
        ("rcm status", "last load, rows and age of each table; failures; open quarantine"),
        ("rcm status --json", "the same for a monitor"),
    )
)
def status(as_json: AsJson = False, project_dir: ProjectDir = None) -> None:
    """Show the last load of each table, its age, failures and what waits in quarantine."""
    with _project(project_dir):
        raise _fail(MISUSED, f"status is not there yet ({as_json})")


@app.command(
    epilog=_examples(
        ("rcm demo", "simulate, ingest, build, print the KPIs"),
        ("rcm demo --patients 20000", "ten times the size, in a new lakehouse"),
        ("RCM_LAKEHOUSE=/tmp/trial rcm demo", "somewhere else"),
    )
)
def demo(
    patients: Annotated[
        int | None, typer.Option(min=1, help="Patients of each hospital.  [dim]default: 2000[/dim]", show_default=False)
    ] = None,
    project_dir: ProjectDir = None,
) -> None:
    """Simulate two hospitals, ingest, build and print the KPIs: everything in one command."""
    with _project(project_dir):
        raise _fail(MISUSED, f"demo is not there yet ({patients})")
