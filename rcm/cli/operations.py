"""``rcm status``, ``rcm maintain`` and ``rcm verify``: the state of the lakehouse, its maintenance, its files."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.base.errors import WarehouseBusyError
from rcm.cli.console import (
    AsJson,
    Panel,
    ProjectDir,
    examples,
    exit_if,
    output,
    print_errors,
    print_json,
    project,
    read_control,
    records,
    show,
)
from rcm.cli.terminal import print_kpis

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from ingestion.loads.redrive import WaitingRejects
    from ingestion.loads.states import TableState
    from ingestion.loads.verification import Flaw
    from rcm.decisions import WaitingBatch
    from rcm.warehouse.last_build import LastBuild
    from rcm.warehouse.state import WarehouseState

commands = typer.Typer()
# Decisions about batches that a terminal shows; all are in ledger/batch_decision.
SHOWN_DECISIONS = 10


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ("rcm status", "last load, rows and age of each table, quarantine, KPIs"),
        ("rcm status --json", "the same for a monitor"),
    ),
)
def status(as_json: AsJson = False, project_dir: ProjectDir = None) -> None:
    """Show the last load of each table, its age, failures, open quarantine, and the KPIs.

    Exits 1 if the last load of a table or the last build failed, a hospital was left out, a batch waits for a decision,
    or storage lacks a data file.
    """
    with project(project_dir) as settings:
        from ingestion.bronze.places import audit_log
        from ingestion.loads.redrive import waiting_rejects
        from ingestion.loads.states import table_states
        from ingestion.loads.unclaimed import unclaimed_files
        from ingestion.loads.verification import missing_data
        from rcm.cli.views import decisions_view, quarantine_view, states_view
        from rcm.decisions import decisions
        from rcm.warehouse.freshness import gaps
        from rcm.warehouse.last_build import last_build

        declared = read_control(settings)
        systems = declared.systems
        states = table_states(audit_log(settings), systems)
        rejects = waiting_rejects(settings, systems)
        # The files of a skipped system would look unmatched.
        unclaimed = () if declared.problems else unclaimed_files(settings, systems)
        built = last_build(settings)
        damaged = missing_data(settings)
        warehouse = _warehouse(settings)
        behind = gaps(settings, systems) if warehouse and settings.warehouse.exists() else []
        waiting = _waiting(settings) if warehouse else []
        decided = decisions(settings)
        if as_json:
            print_json(
                {
                    "tables": records(states),
                    "waiting_rejects": records(rejects),
                    "unclaimed_files": unclaimed,
                    "last_build": _shown_build(built) if built else None,
                    "gold_is_behind": behind,
                    "damaged_files": records(damaged),
                    "waiting_batches": records(waiting),
                    "batch_decisions": records(decided),
                    "open_quarantine": records(warehouse.quarantine) if warehouse else None,
                    "kpis": records(warehouse.kpis) if warehouse else None,
                }
            )
        else:
            console = output()
            show(states_view(states, datetime.now(UTC).replace(tzinfo=None)))
            for line, style in _remarks(states, rejects, unclaimed, built, damaged):
                console.print(line, style=style, markup=False)
            for line in behind:
                console.print(f"gold is behind: {line}; run rcm run", style="yellow", markup=False)
            if waiting or decided:
                console.print()
                show(decisions_view(waiting, decided[:SHOWN_DECISIONS]))
            if warehouse and warehouse.quarantine:
                console.print()
                show(quarantine_view(warehouse.quarantine))
            if warehouse:
                print_kpis(settings)
        is_broken = bool(declared.problems or damaged or waiting or (built and (built.failures or built.left_out)))
        exit_if(is_broken or any(state.failures for state in states))


def _shown_build(built: "LastBuild") -> dict[str, object]:
    """How it ended; what it was made from is nobody's to read."""
    return {name: value for name, value in asdict(built).items() if name not in ("built_at", "inputs")}


def _waiting(settings: "Settings") -> "list[WaitingBatch]":
    from rcm.decisions import waiting_batches

    return waiting_batches(settings)


def _warehouse(settings: "Settings") -> "WarehouseState | None":
    """What the embedded warehouse shows; None, and a warning, while another process builds it."""
    from rcm.warehouse.state import warehouse_state

    try:
        return warehouse_state(settings.warehouse if settings.uses_duckdb else None)
    except WarehouseBusyError as error:
        print_errors(str(error), severity="warning", kind=type(error))
        return None


def _remarks(
    states: "Sequence[TableState]",
    rejects: "Sequence[WaitingRejects]",
    unclaimed: Sequence[str],
    built: "LastBuild | None",
    damaged: "Sequence[Flaw]",
) -> Iterator[tuple[str, str]]:
    """Notes that need attention, each with its style."""
    from ingestion.loads.unclaimed import unclaimed_line

    for state in states:
        if state.failures:
            yield f"{state.system}.{state.table}: {state.message}", "red"
    for flaw in damaged:
        yield f"{flaw}; {flaw.next_step}, rcm verify compares all files", "red"
    for reject in rejects:
        yield f"{reject.table}: {reject.lines} lines wait in {reject.place}; correct them, then rcm redrive", "yellow"
    if unclaimed:
        yield unclaimed_line(unclaimed), "yellow"
    if built and built.failures:
        yield f"the last build failed: {'; '.join(built.failures)}", "red"
    for entry in built.left_out if built else ():
        yield entry.shown, "red"


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ("rcm maintain", "compact, vacuum and checkpoint every Delta table"),
        ("rcm maintain --retain-days 30", "keep a month of older file versions"),
    ),
)
def maintain(
    retain_days: Annotated[
        int, typer.Option(min=7, help="Older versions of a table stay readable for so many days.")
    ] = 7,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Reduce the files of bronze and audit: compaction, vacuum within a safe horizon, checkpoints. Drops no row."""
    with project(project_dir) as settings:
        from ingestion.loads.maintenance import maintain as maintain_tables
        from rcm.cli.views import maintained_view

        done = list(maintain_tables(settings, read_control(settings).systems, retain_days * 24))
        if as_json:
            print_json(records(done))
        else:
            show(maintained_view(done))


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ("rcm verify", "every file of bronze, audit and ledger against its log and checksum"),
        ("rcm verify --json", "the same for a monitor"),
    ),
)
def verify(as_json: AsJson = False, project_dir: ProjectDir = None) -> None:
    """Compare every file of bronze, audit and ledger with its log and checksum; name what is missing, changed, foreign.

    Reads every file and changes nothing. Exits 1 if a file is not as it was written.
    """
    with project(project_dir) as settings:
        from ingestion.loads.verification import verify as verify_files

        found = verify_files(settings)
        if as_json:
            flaws = [{**asdict(flaw), "next_step": flaw.next_step} for flaw in found.flaws]
            print_json({"files": found.files, "unproven": found.unproven, "flaws": flaws})
        else:
            console = output()
            for flaw in found.flaws:
                console.print(f"{flaw}; {flaw.next_step}", style="red", markup=False)
            by_size = f", {found.unproven:,} of them by size only: no run has kept a checksum" if found.unproven else ""
            bad = f"{len(found.flaws)} not as they were written" if found.flaws else "All as they were written"
            console.print(f"{bad}: {found.files:,} files compared{by_size}")
        exit_if(bool(found.flaws))
