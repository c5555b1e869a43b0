"""Shell completion: systems, tables, months and KPI tables of the current project, and never an error."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from typer import Context

from rcm.cli.console import PROJECT_VARIABLE, project_folder

if TYPE_CHECKING:
    from ingestion.base.settings import Settings

# Words that fit, each with what is shown beside it.
Words = list[tuple[str, str]]
Offer = Callable[[Context, str], Words]


def _calmly(offer: Callable[[Context], Iterator[tuple[str, str]]]) -> Offer:
    """Completion must return words or nothing: no error and no line on the terminal."""

    # Not wrapped, because Typer inspects the parameters of the function.
    def offered(ctx: Context, incomplete: str) -> Words:
        with contextlib.suppress(Exception), open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # noqa: PTH123
            return [(word, shown) for word, shown in offer(ctx) if word.startswith(incomplete)]
        return []

    return offered


def _systems(ctx: Context) -> Iterator[tuple[str, list[str]]]:
    """The project's list of systems with their tables; only reads YAML, because a shell must not wait."""
    folder = project_folder(_given_folder(ctx))
    document = yaml.safe_load((folder / "dbt_project.yml").read_text(encoding="utf-8"))
    listed: dict[str, Any] = document["vars"]["systems"][os.environ.get("RCM_BRONZE") or "models/bronze"]
    yield from listed.items()


@_calmly
def systems(ctx: Context) -> Iterator[tuple[str, str]]:
    """Source systems, with their tables."""
    for name, tables in _systems(ctx):
        yield name, ", ".join(tables)


@_calmly
def tables(ctx: Context) -> Iterator[tuple[str, str]]:
    """Tables of the system named before, or of all."""
    wanted = ctx.params.get("source") or ()
    owners: dict[str, list[str]] = {}
    for name, listed in _systems(ctx):
        if not wanted or name in wanted:
            for table in listed:
                owners.setdefault(table, []).append(name)
    for table, names in owners.items():
        yield table, f"of {', '.join(names)}"


@_calmly
def hospitals(ctx: Context) -> Iterator[tuple[str, str]]:
    """Systems that keep charge lines."""
    for name, listed in _systems(ctx):
        if "transactions" in listed:
            yield name, "hospital"


@_calmly
def open_months(ctx: Context) -> Iterator[tuple[str, str]]:
    """Months of the ledger that are over and not closed, the newest first."""
    yield from _months(ctx, "not is_closed and last_day(make_date(month_key // 100, month_key % 100, 1)) < today()")


@_calmly
def closed_months(ctx: Context) -> Iterator[tuple[str, str]]:
    """Closed months, the newest first."""
    yield from _months(ctx, "is_closed")


def _months(ctx: Context, condition: str) -> Iterator[tuple[str, str]]:
    from rcm.warehouse.reader import warehouse_rows

    query = f"""
        select month_key // 100 || '-' || lpad(cast(month_key % 100 as varchar), 2, '0'),
            string_agg(distinct hospital_code, ', ' order by hospital_code)
        from gold.fct_ar_rollforward_monthly inner join gold.dim_hospital using (hospital_key)
        where {condition}
        group by month_key order by month_key desc
        """
    yield from warehouse_rows(_settings(ctx).warehouse, query)


@_calmly
def waiting_batches(ctx: Context) -> Iterator[tuple[str, str]]:
    """Batches that wait for a decision, each with what was found."""
    from rcm.decisions import waiting_batches

    for batch in waiting_batches(_settings(ctx)):
        yield batch.batch_id, batch.finding


@_calmly
def kpi_tables(ctx: Context) -> Iterator[tuple[str, str]]:
    """KPI tables that can be exported."""
    from rcm.finance.export import kpi_names

    for name in kpi_names(project_folder(_given_folder(ctx))):
        yield name, "KPI table"


def _settings(ctx: Context) -> "Settings":
    from ingestion.base.settings import read_settings

    with contextlib.chdir(project_folder(_given_folder(ctx))):
        return read_settings()


def _given_folder(ctx: Context) -> Path | None:
    given = ctx.params.get("project_dir") or os.environ.get(PROJECT_VARIABLE)
    return Path(given) if given else None


SystemNames = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        "-s",
        metavar="SYSTEM",
        help="Only this source system, such as hospital_a; may be repeated.",
        autocompletion=systems,
    ),
]
TableNames = Annotated[
    list[str] | None,
    typer.Option(
        "--table",
        "-t",
        metavar="TABLE",
        help="Only this table, such as npi; may be repeated.",
        autocompletion=tables,
    ),
]
