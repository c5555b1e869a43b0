"""What every command shares: options, output, errors as lines, the project it works in."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from ingestion.errors import IngestionError, SpecError
from ingestion.secret_store import masked

if TYPE_CHECKING:
    from ingestion.alerts import Failure
    from ingestion.control_table import ControlTable
    from ingestion.settings import Settings

FAILED = 1
MISUSED = 2
# Tables are not folded to 80 columns where the output goes to a file or a pipe.
PIPED_WIDTH = 120

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

Since = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="Read a range again, from this watermark on.", show_default=False),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="Up to this watermark; a day counts to its end.", show_default=False),
]


def examples(*lines: tuple[str, str]) -> str:
    """Epilog of a command: one paragraph per example."""
    width = max(len(command) for command, _ in lines)
    shown = (f"  [cyan]{command.ljust(width)}[/cyan]  [dim]{meaning}[/dim]" for command, meaning in lines)
    return "\n\n".join(["[bold]Examples[/bold]", *shown])


def output() -> Console:
    """Standard output; Rich leaves colours out for pipes and NO_COLOR."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def complain(*problems: str, severity: Literal["error", "warning"] = "error") -> None:
    """One line per problem on standard error."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for problem in problems:
        errors.print(f"{severity}:", style="bold red" if severity == "error" else "bold yellow", end=" ")
        errors.print(masked(" ".join(problem.split())), markup=False)


def print_json(content: object) -> None:
    """Times are UTC."""

    def as_text(value: object) -> str:
        if isinstance(value, datetime):
            return f"{value.isoformat()}Z"
        return value.isoformat() if isinstance(value, date) else str(value)

    typer.echo(json.dumps(content, indent=2, default=as_text))


@contextlib.contextmanager
def project(project_dir: Path | None) -> Iterator["Settings"]:
    """Work in the project's folder, with its settings; expected errors become one line and an exit code."""
    from ingestion.settings import read_settings

    try:
        with contextlib.chdir(_project_folder(project_dir)):
            yield read_settings()
    except SpecError as error:
        complain(*error.problems)
        raise typer.Exit(MISUSED) from None
    except IngestionError as error:
        complain(str(error))
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


def read_control(settings: "Settings") -> "ControlTable":
    """The control table; what is wrong with a system goes to standard error and leaves the others."""
    from ingestion.control_table import read_control_table

    table = read_control_table(settings.project_dir, settings.bronze_dir)
    if not table.systems:
        raise SpecError(list(table.problems) or ["no system is listed; see docs/onboarding-a-hospital.md"])
    complain(*table.problems)
    return table


def records(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Dataclasses as what JSON can hold."""
    return [asdict(item) for item in items]


def alarm(settings: "Settings", run_id: str, failures: "tuple[Failure, ...]") -> str | None:
    """Tell the webhook what failed; a warning if it was not taken."""
    from ingestion.alerts import alert_failures

    warning = alert_failures(settings.values, run_id, failures)
    if warning is not None:
        complain(warning, severity="warning")
    return warning


def exit_if(failed: bool) -> None:
    """End with the exit code of a failure."""
    if failed:
        raise typer.Exit(FAILED)
