"""``rcm export``: KPI tables for others, with small cells suppressed."""

from pathlib import Path
from typing import Annotated

import typer

from rcm.cli import completion
from rcm.cli.console import Panel, ProjectDir, examples, output, print_errors, project, read_control

commands = typer.Typer()


@commands.command(
    rich_help_panel=Panel.FINANCE,
    epilog=examples(
        ("rcm export kpi_denial_rate denials.csv", "as CSV, rows about fewer than 11 claims blanked"),
        ("rcm export kpi_ar_aging aging.csv --smallest 20", "with a larger smallest cell"),
    ),
)
def export(
    kpi: Annotated[
        str,
        typer.Argument(
            metavar="KPI_TABLE",
            help="A KPI table of gold, such as kpi_denial_rate.",
            autocompletion=completion.kpi_tables,
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="File to write; one that is there is replaced.")],
    smallest: Annotated[
        int, typer.Option(min=2, help="Rows about fewer accounts, claims or patients keep no number.")
    ] = 11,
    project_dir: ProjectDir = None,
) -> None:
    """Write a KPI table as CSV for others: small cells suppressed, no facts or dimensions, readable by you only."""
    place = file.absolute()
    with project(project_dir) as settings:
        from rcm.finance.export import export_kpi
        from rcm.warehouse.freshness import gaps

        written = export_kpi(settings, kpi, place, smallest)
        output().print(f"Wrote {file}: {written.rows:,} rows, {written.blanked:,} of them suppressed")
        behind = gaps(settings, read_control(settings).systems, model=kpi)
        print_errors(
            *(f"{kpi} is behind: {line}; run rcm run, then export again" for line in behind), severity="warning"
        )
