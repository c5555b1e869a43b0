"""``rcm run``, ``rcm replay`` and ``rcm redrive``: bronze into silver, history and gold."""

from typing import TYPE_CHECKING, Annotated

import typer

from rcm.cli.completion import SystemNames, TableNames
from rcm.cli.console import (
    AsJson,
    Full,
    Panel,
    ProjectDir,
    examples,
    exit_if,
    output,
    print_json,
    project,
    read_control,
    records,
    sound_sources,
)
from rcm.cli.terminal import TerminalListener

if TYPE_CHECKING:
    from ingestion.base.settings import Settings

commands = typer.Typer()


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm run", "load what is new, then build silver, history and gold"),
        ("rcm run --source claims", "load one system, then build"),
    ),
)
def run(
    source: SystemNames = None,
    table: TableNames = None,
    full: Full = False,
    force: Annotated[bool, typer.Option("--force", help="Build everything, whether or not anything changed.")] = False,
    project_dir: ProjectDir = None,
) -> None:
    """Ingest, then build with dbt what changed; what loaded is built even if another source failed."""
    with project(project_dir) as settings:
        from ingestion.sources.planned import Request
        from rcm import service

        declared = read_control(settings)
        outcome = service.run(
            settings,
            control=declared,
            source=sound_sources(declared, source),
            table=table or None,
            request=Request(full),
            force=force,
            listener=TerminalListener(settings, loads="table"),
        )
        exit_if(outcome.failed)


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm replay", "after a rule, a map or this program changed, or the warehouse was lost"),
    ),
)
def replay(project_dir: ProjectDir = None) -> None:
    """Rebuild silver, history and gold from bronze; without changes the result is the same."""
    with project(project_dir) as settings:
        from rcm import service

        declared = read_control(settings)
        built = service.build(settings, full_refresh=True, listener=TerminalListener(settings))
        exit_if(bool(declared.problems) or built.failed)


@commands.command(
    rich_help_panel=Panel.LOAD,
    epilog=examples(
        ("rcm redrive", "corrected lines, and what a changed rule or map may let in"),
        ("rcm redrive --source claims", "the corrected lines of one system"),
    ),
)
def redrive(
    source: SystemNames = None, table: TableNames = None, as_json: AsJson = False, project_dir: ProjectDir = None
) -> None:
    """Load rejected lines of files again, after they or the declaration were corrected (dead letters, landing/rejects).

    Where a rule or map changed since rows were judged, all rows are judged again, and silver, history and gold rebuilt.
    """
    with project(project_dir) as settings:
        from rcm import service
        from rcm.warehouse.build import has_outdated_judgements

        declared = read_control(settings)
        listener = TerminalListener(settings, loads="nothing" if as_json else "table")
        outcome = service.load(
            settings,
            control=declared,
            source=sound_sources(declared, source),
            table=table or None,
            rejects=True,
            listener=listener,
        )
        summary = outcome.summary
        # A system with an invalid declaration must not be missing from a rebuild.
        judges_again = not declared.problems and has_outdated_judgements(settings)
        if as_json:
            loads = {"run_id": summary.run_id, "seconds": summary.seconds, "results": records(summary.results)}
            print_json({**loads, "judges_anew": judges_again})
        elif not summary.results:
            output().print("No rejected lines wait")
        if judges_again and not as_json:
            output().print("A rule, map or other declaration changed since rows were judged: judging all rows again")
        is_broken = judges_again and rebuild(settings, full_refresh=True, shown=not as_json)
        exit_if(outcome.failed or is_broken)


def rebuild(
    settings: "Settings", select: str | None = None, *, full_refresh: bool = False, shown: bool = False
) -> bool:
    """Build all or a part; returns whether that failed, and reports failures on standard error."""
    from rcm import service

    listener = TerminalListener(settings, builds=shown)
    return bool(service.build(settings, full_refresh=full_refresh, select=select, listener=listener).failures)
