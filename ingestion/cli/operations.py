"""``rcm status`` and ``rcm maintain``: how the lakehouse is, and what keeps it well."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ingestion.cli.building import print_kpis
from ingestion.cli.console import (
    AsJson,
    ProjectDir,
    examples,
    exit_if,
    output,
    print_json,
    project,
    read_control,
    records,
)

commands = typer.Typer()


@commands.command(
    epilog=examples(
        ("rcm status", "last load, rows and age of each table, quarantine, KPIs"),
        ("rcm status --json", "the same for a monitor"),
    )
)
def status(as_json: AsJson = False, project_dir: ProjectDir = None) -> None:
    """Show the last load of each table, its age, failures, what waits in quarantine, and the KPIs."""
    with project(project_dir) as settings:
        from ingestion.plan import audit_log
        from ingestion.report import headline_kpis, open_quarantine, quarantine_view, states_view, table_states

        states = table_states(audit_log(settings), read_control(settings).systems)
        waiting = open_quarantine(settings.warehouse) if settings.uses_duckdb else []
        if as_json:
            kpis = headline_kpis(settings.warehouse) if settings.uses_duckdb else []
            print_json({"tables": records(states), "open_quarantine": records(waiting), "kpis": records(kpis)})
            exit_if(any(state.failures for state in states))
            return
        console = output()
        console.print(states_view(states, datetime.now(UTC).replace(tzinfo=None)))
        for state in states:
            if state.failures:
                console.print(
                    f"{state.system}.{state.table}: {state.message}", style="red", markup=False, soft_wrap=True
                )
        if waiting:
            console.print()
            console.print(quarantine_view(waiting))
        print_kpis(settings)
        exit_if(any(state.failures for state in states))


@commands.command(
    epilog=examples(
        ("rcm maintain", "compact, vacuum and checkpoint every Delta table"),
        ("rcm maintain --retain-days 30", "keep a month of older file versions"),
    )
)
def maintain(
    retain_days: Annotated[
        int, typer.Option(min=7, help="Older versions of a table stay readable for so many days.")
    ] = 7,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Keep bronze and audit small in files: compaction, vacuum within a safe horizon, checkpoints. Drops no row."""
    with project(project_dir) as settings:
        from ingestion.maintenance import maintain as maintain_tables
        from ingestion.report import maintained_view

        done = list(maintain_tables(settings, read_control(settings).systems, retain_days * 24))
        if as_json:
            print_json(records(done))
        else:
            output().print(maintained_view(done))
