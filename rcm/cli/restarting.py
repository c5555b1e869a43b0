"""``rcm restart`` and ``rcm remove``: a table or hospital again from the start, and a hospital out of the lakehouse."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.base.errors import IngestionError, SpecError
from rcm.cli import completion
from rcm.cli.completion import TableNames
from rcm.cli.console import (
    Panel,
    ProjectDir,
    Reason,
    Who,
    examples,
    exit_if,
    output,
    project,
    read_control,
    require_reason,
    signature,
    sound_sources,
)
from rcm.cli.terminal import TerminalListener

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from ingestion.bronze.set_aside import SetAside

commands = typer.Typer()
System = Annotated[
    str, typer.Argument(metavar="SYSTEM", help="The system, such as hospital_a.", autocompletion=completion.systems)
]


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ('rcm restart hospital_c --reason "wrong keys"', "all tables of one hospital"),
        ('rcm restart hospital_c -t patients --reason "dates are text"', "one table"),
    ),
)
def restart(
    system: System, reason: Reason, table: TableNames = None, by: Who = None, project_dir: ProjectDir = None
) -> None:
    """Load a hospital or a table again from the start, after its first load was declared wrong; then build.

    What was loaded so far is set aside in set_aside/ and deleted nowhere. A database is read in full, files come from
    the archive. Closed months stay as signed: what differs is the restatement of the first open one.
    """
    with project(project_dir) as settings:
        from ingestion.bronze.set_aside import set_aside
        from ingestion.loads.plan import selected_tables
        from rcm import service

        require_reason(reason, "it is loaded again")
        declared = read_control(settings)
        chosen = sound_sources(declared, [system])
        tables = [spec.name for _, spec in selected_tables(declared.systems, chosen, table or None)]
        _print(set_aside(settings, system, table, status="restarted", who=signature(by), reason=reason))
        outcome = service.run(
            settings,
            control=declared,
            source=chosen,
            table=tables,
            listener=TerminalListener(settings, loads="table"),
        )
        exit_if(outcome.failed)


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ('rcm remove hospital_c --reason "sold"', "after its line was taken out of the list"),
    ),
)
def remove(system: System, reason: Reason, by: Who = None, project_dir: ProjectDir = None) -> None:
    """Take a hospital out of the lakehouse, after its line and its YAML were taken away; then build without it.

    Its bronze tables are set aside in set_aside/ and deleted nowhere. A hospital with closed months stays until they
    are reopened.
    """
    with project(project_dir) as settings:
        from ingestion.bronze.set_aside import set_aside
        from rcm import service

        require_reason(reason, "it is removed")
        declared = read_control(settings)
        if system in declared.listed:
            raise SpecError(
                [f"{system} is still listed, so the next run would load it; take its line and its YAML away first"]
            )
        _require_open(settings, system)
        _print(set_aside(settings, system, None, status="removed", who=signature(by), reason=reason))
        built = service.build(settings, listener=TerminalListener(settings))
        exit_if(bool(declared.problems) or built.failed)


def _require_open(settings: "Settings", system: str) -> None:
    """A signed month needs its hospital."""
    from rcm.finance.month_close import MonthCloses, shown_month

    closed = [month for name, month in MonthCloses(settings.lakehouse / "ledger").in_force() if name == system]
    if closed:
        raise IngestionError(
            f"{system} has closed months up to {shown_month(max(closed))}; list it again, reopen them with rcm reopen, "
            "then remove it"
        )


def _print(done: "Sequence[SetAside]") -> None:
    for entry in done:
        output().print(
            f"{entry.label}: {entry.batches} batches with {entry.rows:,} rows set aside in "
            f"set_aside/{entry.moment}-{entry.label}",
            markup=False,
        )
