"""``rcm status`` and ``rcm maintain``: how the lakehouse is, and what keeps it well."""

from dataclasses import asdict
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
    """Show the last load of each table, its age, failures, what waits in quarantine, and the KPIs.

    Ends with code 1 where the last load of a table or the last build failed.
    """
    with project(project_dir) as settings:
        from ingestion.plan import audit_log
        from ingestion.redrive import waiting_rejects
        from ingestion.report import headline_kpis, open_quarantine, quarantine_view, states_view, table_states
        from ingestion.transform import last_build

        systems = read_control(settings).systems
        states = table_states(audit_log(settings), systems)
        waiting = open_quarantine(settings.warehouse) if settings.uses_duckdb else []
        rejects = waiting_rejects(settings, systems)
        built = last_build(settings)
        failed = any(state.failures for state in states) or bool(built and built.failures)
        if as_json:
            kpis = headline_kpis(settings.warehouse) if settings.uses_duckdb else []
            print_json(
                {
                    "tables": records(states),
                    "waiting_rejects": records(rejects),
                    "last_build": asdict(built) if built else None,
                    "open_quarantine": records(waiting),
                    "kpis": records(kpis),
                }
            )
            exit_if(failed)
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
        for reject in rejects:
            console.print(
                f"{reject.table}: {reject.lines} lines wait in {reject.place}; correct them, then rcm redrive",
                style="yellow",
                markup=False,
                soft_wrap=True,
            )
        if built and built.failures:
            console.print(f"the last build failed: {'; '.join(built.failures)}", style="red", soft_wrap=True)
        print_kpis(settings)
        exit_if(failed)


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
