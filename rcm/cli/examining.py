"""``rcm doctor``: checks everything that a run needs."""

import contextlib
import os
from typing import TYPE_CHECKING, Annotated

import typer

from rcm.cli.console import (
    AsJson,
    Panel,
    ProjectDir,
    cli_errors,
    examples,
    exit_if,
    output,
    print_json,
    project_folder,
    records,
    waiting,
)

if TYPE_CHECKING:
    from rich.table import Table

    from rcm.doctor import Result

commands = typer.Typer()
_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}
SECONDS = 10


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ("rcm doctor", "everything a run needs, a line each"),
        ("rcm doctor --json", "the same for a monitor"),
        ("rcm doctor --seconds 30", "for hosts that are slow to answer"),
    ),
)
def doctor(
    as_json: AsJson = False,
    seconds: Annotated[
        int, typer.Option(min=1, help="A check that takes longer, such as a host that does not answer, is a problem.")
    ] = SECONDS,
    project_dir: ProjectDir = None,
) -> None:
    """Check what a run needs: packages, connections, secrets, disk, locks, permissions; name the fix of each problem.

    Changes nothing and shows no secret. Exits 1 if something will fail.
    """
    with cli_errors():
        folder = project_folder(project_dir)
    from rcm.doctor import diagnose

    with contextlib.chdir(folder), waiting("Checking"):
        results = list(diagnose(folder, dict(os.environ), float(seconds)))
    if as_json:
        print_json(records(results))
    else:
        _print(results)
    exit_if(any(result.state == "problem" for result in results))


def _print(results: "list[Result]") -> None:
    console = output()
    if console.is_terminal:
        console.print(_view(results))
    else:
        for result in results:
            remedy = f"; next: {result.next_step}" if result.next_step else ""
            typer.echo(f"{result.state:<8} {_name(result)}: {result.message}{remedy}")
    counts = {state: sum(result.state == state for result in results) for state in ("problem", "warning")}
    found = [f"{count} {state}{'' if count == 1 else 's'}" for state, count in counts.items() if count]
    verdict = ", ".join(found) or "No problems"
    console.print(f"\n{verdict}: {len(results)} checks")


def _view(results: "list[Result]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    view = Table.grid(padding=(0, 2), pad_edge=False)
    view.add_column(no_wrap=True)
    view.add_column(no_wrap=True)
    view.add_column(overflow="fold")
    for result in results:
        style = _STYLES[result.state]
        remedy = f"\n[bold]next:[/bold] {escape(result.next_step)}" if result.next_step else ""
        view.add_row(f"[{style}]{result.state}[/{style}]", _name(result), f"{escape(result.message)}{remedy}")
    return view


def _name(result: "Result") -> str:
    return f"{result.check} {result.subject}".strip()
