"""Rows of bronze as they arrived, under the names and types of the common data model."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from tests.python.independent_ledger.declared import AMOUNTS, DATES, MOMENTS, Table

CENT = Decimal("0.01")
LINEAGE = ("_batch_id", "_row_number", "_load_type", "_ingested_at")


class UnreadableError(ValueError):
    """A text is no value of the type its column has."""


@dataclass(frozen=True)
class Batch:
    """What one load brought of one table.

    Args:
        table: Its declaration.
        batch_id: Sorts in the order of arrival.
        is_full: The batch is the whole table: what it lacks does not exist.
        arrived_at: When it was loaded, UTC.
        rows: Values by column of the common data model, in the order of the rows; None for a row that cannot be read.
    """

    table: Table
    batch_id: str
    is_full: bool
    arrived_at: datetime
    rows: tuple[dict[str, Any] | None, ...]


def batches(lakehouse: Path, table: Table) -> Iterator[Batch]:
    """The batches of a table in the order of arrival; none where nothing was loaded yet."""
    folder = lakehouse / "bronze" / table.system / table.entity
    if not (folder / "_delta_log").is_dir():
        return
    bronze = DeltaTable(folder).to_pyarrow_table()  # noqa: F841 - named in the query
    mapped = ", ".join(f"{_quoted(table, expression)} as {name}" for name, expression in table.columns.items())
    with duckdb.connect() as engine:
        found = engine.execute(f"select {mapped}, {', '.join(LINEAGE)} from bronze order by _batch_id, _row_number")
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    for batch_id, arrived in groupby(rows, key=lambda row: str(row["_batch_id"])):
        of_batch = list(arrived)
        first = of_batch[0]
        yield Batch(
            table,
            batch_id,
            first["_load_type"] == "full",
            first["_ingested_at"],
            tuple(_typed(table, row) for row in of_batch),
        )


def _quoted(table: Table, expression: str) -> str:
    return f'"{expression}"' if expression in table.types else f"({expression})"


def _typed(table: Table, row: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return {
            name: _reader(name)(table, row[name]) if row[name] is not None else None
            for name in table.columns
            if name not in LINEAGE
        }
    except UnreadableError:
        return None


def _reader(name: str) -> Callable[[Table, Any], Any]:
    if name in AMOUNTS:
        return read_amount
    if name in DATES:
        return read_date
    return read_moment if name in MOMENTS else read_text


def read_text(_table: Table, value: object) -> str | None:
    """Text without blanks at its ends; None where nothing is left."""
    return str(value).strip() or None


def read_amount(table: Table, value: object) -> Decimal | None:
    """An amount, rounded half up to the cent."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not re.fullmatch(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)", text):
            raise UnreadableError(table.name)
        value = text
    try:
        return Decimal(str(value)).quantize(CENT, rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise UnreadableError(table.name) from None


def read_date(table: Table, value: object) -> date | None:
    """A day as the table writes it."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    if not text:
        return None
    pattern = re.escape(table.date_format or "yyyy-MM-dd")
    for part, digits in (("yyyy", "(?P<year>[0-9]{4})"), ("MM", "(?P<month>[0-9]{2})"), ("dd", "(?P<day>[0-9]{2})")):
        pattern = pattern.replace(part, digits)
    pattern = re.sub(r"(?<![<P])M(?!\w)", "(?P<month>[0-9]{1,2})", pattern)
    pattern = re.sub(r"(?<![<P\w])d(?!\w)", "(?P<day>[0-9]{1,2})", pattern)
    matched = re.fullmatch(pattern, text)
    try:
        return date(**{part: int(digits) for part, digits in matched.groupdict().items()}) if matched else _no_date()
    except ValueError:
        raise UnreadableError(table.name) from None


def _no_date() -> date:
    raise UnreadableError


def _utc(table: Table, shown: datetime) -> datetime:
    if shown.tzinfo is not None:
        return shown.astimezone(UTC).replace(tzinfo=None)
    return table.clock.utc(shown)


def read_moment(table: Table, value: object) -> datetime | None:
    """An instant in UTC."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, datetime.min.time())
    text = str(value).strip()
    try:
        return _utc(table, datetime.fromisoformat(text)) if text else None
    except ValueError:
        raise UnreadableError(table.name) from None
