"""``rcm parity``: the same numbers on every engine."""

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.base.errors import IngestionError, SpecError
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
)
from rcm.cli.terminal import TerminalListener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingestion.base.settings import Settings
    from rcm.warehouse.parity.comparison import Comparison
    from rcm.warehouse.parity.engines import Engine

# Enough for every defect, late-arriving row and correction that the simulator plants.
PATIENTS = 200
DAYS = 2

commands = typer.Typer()


def _names(given: str) -> list[str]:
    """Completion of the engines."""
    from rcm.warehouse.parity.engines import ENGINES

    return [name for name in ENGINES if name.startswith(given)]


EngineName = Annotated[str, typer.Argument(metavar="ENGINE", help="duckdb, sail or spark.", autocompletion=_names)]


@commands.command(
    rich_help_panel=Panel.CARE,
    epilog=examples(
        ("rcm parity duckdb sail", "DuckDB and Spark without a JVM, over three simulated days"),
        ("rcm parity duckdb spark --days 3 --patients 400", "Apache Spark with Delta Lake"),
        (
            "SPARK_REMOTE=sc://cluster:15002 rcm parity duckdb spark --folder shared",
            "on a cluster",
        ),
    ),
)
def parity(
    first: EngineName,
    second: EngineName,
    days: Annotated[int, typer.Option(min=0, help="Days after the first extract, each ingested and built.")] = DAYS,
    patients: Annotated[int, typer.Option(min=100, help="Patients of each simulated hospital.")] = PATIENTS,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the lakehouse there.  [dim]default: removed[/dim]", show_default=False),
    ] = None,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Simulate hospitals, ingest each day once, build it on two engines and compare every table row for row.

    dbt's unit tests and data tests run on both engines on the last day, over the rows of all days.
    """
    with project(project_dir) as settings, ExitStack() as opened:
        from ingestion.base.settings import read_settings
        from rcm.warehouse.parity.engines import ENGINES

        unknown = [name for name in (first, second) if name not in ENGINES]
        if unknown or first == second:
            raise SpecError([f"rcm parity takes two of {', '.join(ENGINES)}; it was given {first} and {second}"])
        place = folder.resolve() if folder else Path(opened.enter_context(TemporaryDirectory(prefix="rcm-parity-")))
        if (place / "sources").exists():
            raise SpecError([f"{place} holds a simulation already; name an empty folder"])
        place.mkdir(parents=True, exist_ok=True)
        # Both engines hash with one key; the rows of a difference belong to simulated people.
        settings = read_settings({**settings.values, **_simulated(place)})
        engines = [opened.enter_context(ENGINES[name](settings)) for name in (first, second)]
        compared = [_day(settings, engines, day, patients, tests=day == days, quiet=as_json) for day in range(days + 1)]
        if as_json:
            print_json([{"day": day, "tables": records(tables)} for day, tables in enumerate(compared)])
        differing = [table for tables in compared for table in tables if table.differences]
        if not as_json:
            tables, rows = len(compared[-1]), sum(table.rows for tables in compared for table in tables)
            output().print(f"{len(differing)} differences in {tables} tables and {rows:,} rows over {days + 1} days")
        exit_if(bool(differing))


def _simulated(place: Path) -> dict[str, str]:
    return {
        "RCM_LAKEHOUSE": str(place),
        "RCM_BRONZE": "models/bronze",
        "RCM_ALERT_URL": "",
        "RCM_PHI_KEY": "of simulated people, who need no protection",
    }


def _day(
    settings: "Settings", engines: "Sequence[Engine]", day: int, patients: int, *, tests: bool, quiet: bool
) -> "list[Comparison]":
    """Simulate, ingest and build one day, with dbt's tests or without, then compare."""
    from rcm import service
    from rcm.warehouse.parity.comparison import compare
    from simulator import simulate

    simulate(settings.warehouse.parent, patients=patients, day=day, remittance=True)
    control = read_control(settings)
    if service.load(settings, control=control, listener=TerminalListener(settings)).failed:
        raise IngestionError(f"day {day} did not load; what is above says why")
    seconds = []
    for engine in engines:
        started = time.monotonic()
        _build(engine, day, tests=tests)
        seconds.append(f"{engine.name} built in {time.monotonic() - started:.1f} s")
    first, second = engines
    with first.read() as left, second.read() as right:
        tables = list(compare((first.name, second.name), left, right))
    if not quiet:
        differing = sum(bool(table.differences) for table in tables)
        output().print(f"Day {day}: {', '.join(seconds)}; {len(tables)} tables compared, {differing} differ")
    print_errors(*(f"day {day}, {table.table}: {line}" for table in tables for line in table.differences))
    return tables


def _build(engine: "Engine", day: int, *, tests: bool) -> None:
    from rcm.warehouse.build import build

    settings = engine.settings
    if not tests:
        settings = settings.with_values({"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test test"})
    built = build(settings, unit_tests=tests)
    if built.failures:
        print_errors(*built.failures)
        raise IngestionError(f"{engine.name} did not build day {day}; logs/{engine.name} of the lakehouse has the log")
