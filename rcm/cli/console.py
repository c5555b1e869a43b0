"""What every command shares: options, output, errors as lines, the project it works in."""

import contextlib
import getpass
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from ingestion.base.errors import ErrorLine, IngestionError, SpecError, error_line
from ingestion.base.secret_store import masked

if TYPE_CHECKING:
    from rich.table import Table

    from ingestion.base.settings import Settings
    from ingestion.declared.control_table import ControlTable

FAILED = 1
MISUSED = 2
# As shells number a program that the user stopped.
INTERRUPTED = 130
# Columns of the narrowest terminal that help is laid out for.
NARROW = 78
# A row of a table is one line where the output goes to a file or a pipe, for grep and for diff.
PIPED_WIDTH = 10_000
# Names the project's folder, so that rcm works from any other.
PROJECT_VARIABLE = "RCM_PROJECT"

ProjectDir = Annotated[
    Path | None,
    typer.Option(
        "--project-dir",
        metavar="DIR",
        help="Folder of dbt_project.yml.  [dim]default: the nearest one upwards[/dim]",
        envvar=PROJECT_VARIABLE,
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead of a table.")]
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


Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; no patient's data.", show_default=False)]
Who = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who signs.  [dim]default: the user[/dim]", show_default=False),
]


def require_reason(reason: str, what: str) -> None:
    """Refuse an empty reason; ``what`` completes "say why".

    Raises:
        SpecError: Nothing is said.
    """
    if not reason.strip():
        raise SpecError([f"--reason is empty; say why {what}"])


def signature(by: str | None) -> str:
    """Who signs: the option, or the user."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        raise SpecError(["this user has no name here; say who signs with --by"]) from None


class Panel(StrEnum):
    """Headings of the list of commands."""

    TRY = "Try it"
    LOAD = "Load and build"
    FINANCE = "Months and numbers"
    CARE = "Look after it"


class Examples(str):
    """Epilog of a command: a line per example, or two.

    Args:
        lines: Each a line that a shell can run, and what it does.
    """

    lines: tuple[tuple[str, str], ...]

    def __new__(cls, *lines: tuple[str, str]) -> "Examples":
        """Lay the lines out."""
        width = max(len(command) for command, _ in lines)
        fits = max(width + len(meaning) for _, meaning in lines) + 4 <= NARROW
        shown = []
        for command, meaning in lines:
            # Where one is too long for a line, all have two.
            shown += (
                [f"  [cyan]{escape(command.ljust(width))}[/cyan]  [dim]{escape(meaning)}[/dim]"]
                if fits
                else [f"  [dim]# {escape(meaning)}[/dim]", f"  [cyan]{escape(command)}[/cyan]"]
            )
        made = super().__new__(cls, "\n".join(["[bold]Examples[/bold]", *shown]))
        made.lines = lines
        return made


def examples(*lines: tuple[str, str]) -> Examples:
    """Epilog of a command; a test runs each line through the command's own parser."""
    return Examples(*lines)


def output() -> Console:
    """Standard output; Rich leaves colours out for pipes and NO_COLOR. In a pipe no line is folded."""
    return _console()


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPED_WIDTH)


def show(view: "Table") -> None:
    """Print a table; in a pipe each row is one line, without blanks at its end."""
    console = output()
    if console.is_terminal:
        console.print(view)
        return
    with console.capture() as captured:
        console.print(view)
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_errors(
    *problems: str | ErrorLine,
    severity: Literal["error", "warning"] = "error",
    kind: "type[IngestionError | SpecError]" = IngestionError,
) -> None:
    """On standard error a line per problem, and one that says what to do next.

    Args:
        problems: What is wrong and what to do, or messages, which say that after their last semicolon.
        severity: Their first word.
        kind: Class of the errors that are messages; its remedy is shown if a message has none.
    """
    errors = _console(stderr=True)
    shown = [problem if isinstance(problem, ErrorLine) else error_line(problem, kind) for problem in problems]
    for entry, following in zip(shown, [*shown[1:], None], strict=False):
        errors.print(f"{severity}:", style="bold red" if severity == "error" else "bold yellow", end=" ")
        errors.print(_in_one_line(entry.what), markup=False)
        # The remedy of several problems is shown once, after the last of them.
        if following is None or following.next_step != entry.next_step:
            errors.print("next:", style="bold", end=" ")
            errors.print(_in_one_line(entry.next_step), markup=False)


def _in_one_line(text: str) -> str:
    return masked(" ".join(text.split()))


@contextlib.contextmanager
def waiting(title: str) -> Iterator[None]:
    """Show on a terminal that something goes on; nothing in a pipe."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield


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
    from ingestion.base.settings import read_settings

    with cli_errors(), contextlib.chdir(project_folder(project_dir)):
        yield read_settings()


@contextlib.contextmanager
def cli_errors() -> Iterator[None]:
    """Expected errors become lines and an exit code."""
    try:
        yield
    except SpecError as error:
        print_errors(*error.problems, kind=SpecError)
        raise typer.Exit(MISUSED) from None
    except IngestionError as error:
        print_errors(str(error), kind=type(error))
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        print_errors("interrupted, and what was finished stays; run it again to go on from there")
        raise typer.Exit(INTERRUPTED) from None


def project_folder(project_dir: Path | None) -> Path:
    """The given folder, or the nearest one upwards from here that holds dbt_project.yml.

    Raises:
        SpecError: There is none.
    """
    start = (project_dir or Path.cwd()).resolve()
    folders = [start] if project_dir else [start, *start.parents]
    found = next((folder for folder in folders if (folder / "dbt_project.yml").is_file()), None)
    if found is None:
        place = f"in {start}" if project_dir else f"in {start} or above it"
        raise SpecError([f"no dbt_project.yml {place}; name the project's folder with --project-dir or RCM_PROJECT"])
    return found


def read_control(settings: "Settings") -> "ControlTable":
    """The control table; problems of a system and misspelt variables go to standard error."""
    from ingestion.base.variables import misspelt_variables
    from rcm import service

    table = service.read_control(settings)
    print_errors(*table.problems)
    if not table.problems:
        # A system that is left out may be the one that reads a variable.
        named = {system.connection.env for system in table.systems}
        print_errors(*misspelt_variables(settings.values, named), severity="warning", kind=SpecError)
    return table


def sound_sources(declared: "ControlTable", sources: Sequence[str] | None) -> list[str] | None:
    """The systems asked for without those that are left out, whose problems were printed; None for all.

    Raises:
        typer.Exit: None of them is left.
    """
    if not sources:
        return None
    sound = [name for name in sources if name not in declared.left_out]
    if not sound:
        raise typer.Exit(MISUSED)
    return sound


def records(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Dataclasses as what JSON can hold."""
    return [asdict(item) for item in items]


def exit_if(failed: bool) -> None:
    """End with the exit code of a failure."""
    if failed:
        raise typer.Exit(FAILED)
