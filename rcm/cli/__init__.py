"""The command ``rcm``.

Heavy libraries are imported inside the commands that need them, so that help appears immediately.
Exit codes: 0 done, 1 some source or model failed, 2 usage or configuration, 130 interrupted.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from traceback import extract_tb
from typing import Annotated

import typer

from ingestion.base.pandas_import import block_pandas_import
from rcm.cli import (
    building,
    closing,
    deciding,
    demonstration,
    examining,
    exporting,
    loading,
    operations,
    parity,
    restarting,
)
from rcm.cli.console import FAILED, examples, print_errors

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Hospitals' databases, claim files and code sets to [bold]bronze, silver and gold[/bold], incrementally.",
    epilog=examples(
        ("rcm demo", "start here: it needs no account and no network"),
        ("rcm doctor", "is everything there that a run needs?"),
        ("rcm run", "the daily run: load what is new, then build"),
        ("rcm status", "how it went, what waits, the KPIs"),
    ),
)
for part in (
    demonstration,
    loading,
    building,
    deciding,
    closing,
    operations,
    examining,
    exporting,
    parity,
    restarting,
):
    app.add_typer(part.commands)


def main() -> None:
    """Entry point of the installed command."""
    block_pandas_import()
    # Written files contain patients' data: only their owner may read them.
    os.umask(0o077)
    try:
        app(prog_name="rcm")
    except Exception as error:  # noqa: BLE001 - whatever it is, one line; its text may hold values of the data
        place = extract_tb(error.__traceback__)[-1]
        print_errors(
            f"unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}; please report it"
        )
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
