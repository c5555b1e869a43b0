"""``rcm accept`` and ``rcm refuse``: what a person decides about a batch that waits."""

from typing import TYPE_CHECKING, Annotated

import typer

from rcm.cli import completion
from rcm.cli.console import (
    Panel,
    ProjectDir,
    Reason,
    Who,
    examples,
    output,
    project,
    read_control,
    require_reason,
    signature,
)

if TYPE_CHECKING:
    from ingestion.bronze.decisions import Decision

commands = typer.Typer()

BatchId = Annotated[
    str,
    typer.Argument(
        metavar="BATCH", help="The batch, as the build names it.", autocompletion=completion.waiting_batches
    ),
]


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        (
            'rcm accept 20261005T080000000000-claims.claims --reason "a payer left"',
            "the next build takes the batch as it is",
        ),
    ),
)
def accept(batch: BatchId, reason: Reason, by: Who = None, project_dir: ProjectDir = None) -> None:
    """Accept a batch that waits above a limit: the next build takes it as it is, and the later ones of its table."""
    _decide(batch, "accepted", reason, by, project_dir)


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        (
            'rcm refuse 20261005T080000000000-claims.claims --reason "export broke"',
            "the batch is left out for good; the next load reads its rows again",
        ),
    ),
)
def refuse(batch: BatchId, reason: Reason, by: Who = None, project_dir: ProjectDir = None) -> None:
    """Refuse a batch that waits above a limit: it stays in bronze, is never built, and the source is read again."""
    _decide(batch, "refused", reason, by, project_dir)


def _decide(batch: str, decision: "Decision", reason: str, by: str | None, project_dir: ProjectDir) -> None:
    with project(project_dir) as settings:
        from rcm.decisions import decide

        require_reason(reason, f"the batch is {decision}")
        done = decide(settings, read_control(settings).systems, batch, decision, signature(by), reason)
        if done.is_new:
            output().print(f"{done.source_table}: batch {batch} is {decision}; the next build follows it: rcm run")
        else:
            day = f"{done.decided_at:%Y-%m-%d}"
            output().print(f"{done.source_table}: batch {batch} was {decision} by {done.decided_by} on {day} before")
