"""Watermark windows as SQL conditions: the rows that one load reads, fixed before the first row is read."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ingestion.base.errors import NullWatermarkError, SchemaDriftError, SpecError
from ingestion.declared.clocks import local_clock
from ingestion.declared.specs import TableSpec
from ingestion.declared.watermark import Window, lower_bound
from ingestion.sources.database.dialects import (
    TIME_KINDS,
    Dialect,
    Parameter,
    Predicate,
    SourceColumn,
    object_name,
)
from ingestion.sources.database.options import DatabaseOptions
from ingestion.sources.database.source import Source


@dataclass(frozen=True)
class Bounds:
    """What a load reads.

    Args:
        predicate: None where every row is read.
        low: Watermark it starts from, before the lag.
        high: Newest watermark that is not in the future.
        rejected: Rows without a watermark, which are skipped.
    """

    predicate: Predicate | None = None
    low: str | None = None
    high: str | None = None
    rejected: int = 0


def fix_bounds(source: Source, table: TableSpec, window: Window, column: SourceColumn | None) -> Bounds:
    """Fix what a load reads by the database's own clock and its newest watermark.

    Args:
        source: Where the table is.
        table: Its declaration.
        window: What was asked for.
        column: The watermark column; None where the table has none.

    Raises:
        SchemaDriftError: The watermark column does not sort as its declared type.
        NullWatermarkError: Rows have no watermark, and load.null_watermark is fail.
        SpecError: A backfill of a table without a watermark, or its bounds are no values of the watermark's type.
    """
    if column is None:
        if window.load_type == "backfill":
            raise SpecError([f"{table.label}: has no load.watermark, so no range of it can be read; load it in full"])
        return Bounds()
    _check_kind(source.dialect, table, column)
    if window.load_type == "backfill":
        return Bounds(_range(source.dialect, table, window, column), window.low, window.high)
    return _moving_bounds(source, table, window, column)


def counted(source: Source, table: TableSpec, column: SourceColumn, watermark: str) -> tuple[int, int]:
    """How many rows a table has up to a watermark, those without one among them, and how many after it.

    Raises:
        SchemaDriftError: The watermark is no value of its declared type.
    """
    dialect = source.dialect
    try:
        until = [dialect.until(column, _value(table, watermark))]
    except ValueError:
        raise SchemaDriftError(
            f"the last watermark of {column.name} is no {table.watermark_type}; load with --full"
        ) from None
    if table.load.null_watermark == "include":
        until.append(Predicate(dialect.missing(column)))
    dated = Predicate(f"not ({dialect.missing(column)})")
    kept = None if table.load.null_watermark == "include" else dated
    first = int(str(source.value(*_select(table, dialect, "count(*)", _any(until)))))
    return first, int(str(source.value(*_select(table, dialect, "count(*)", kept)))) - first


def _moving_bounds(source: Source, table: TableSpec, window: Window, column: SourceColumn) -> Bounds:
    dialect = source.dialect
    zone = _zone(table, column)
    now = None if table.watermark_type == "bigint" else _shown(str(source.value(dialect.clock)), zone)
    known = None if now is None else dialect.compared(column, "<=", now)
    high = source.value(*_select(table, dialect, dialect.newest(column), known))
    newest = None if high is None else _shortest(str(high), column)
    rejected = _count_nulls(source, table, column)
    parts: list[Predicate] = []
    low = window.low if window.load_type == "incremental" else None
    if low is not None:
        if newest is not None:
            first, last = _first_and_last(table, low, newest, zone)
            parts.append(_all([dialect.compared(column, ">=", first), dialect.compared(column, "<=", last)]))
        if now is not None:
            # A row dated in the future is read by every load; as the upper bound it would skip all rows before it.
            parts.append(dialect.compared(column, ">", now))
        if table.load.null_watermark == "include":
            parts.append(Predicate(dialect.missing(column)))
        predicate = _any(parts) if parts else Predicate("1 = 0")
    elif table.load.null_watermark == "exclude":
        predicate = Predicate(f"not ({dialect.missing(column)})")
    else:
        predicate = None
    return Bounds(predicate, low, newest or window.low, rejected)


def _range(dialect: Dialect, table: TableSpec, window: Window, column: SourceColumn) -> Predicate:
    """Both ends inclusive, either may be open; rows without a watermark are in no range."""
    try:
        if table.watermark_type != "bigint" and any(bound and bound.isdigit() for bound in (window.low, window.high)):
            raise ValueError("a number is no moment")
        parts = [Predicate(f"not ({dialect.missing(column)})")]
        if window.low is not None:
            first = lower_bound(window.low, table.watermark_type or "", timedelta(0))
            parts.append(dialect.compared(column, ">=", first))
        if window.high is not None:
            parts.append(dialect.until(column, _value(table, window.high)))
    except ValueError:
        raise SpecError(
            [f"{table.label}: a bound of the range is no {table.watermark_type}; write 2024-12-31, say"]
        ) from None
    return _all(parts)


def _zone(table: TableSpec, column: SourceColumn) -> str:
    """Zone of the clock that a watermark column shows; a column with a zone is compared in UTC."""
    return table.time_zone if column.kind in ("moment", "text") else "UTC"


def _shown(now: str, zone: str) -> str:
    """The database's clock in UTC as the clock of the watermark column shows it."""
    return now if zone == "UTC" else local_clock(datetime.fromisoformat(now[:26]), zone).isoformat(sep=" ")


def _first_and_last(table: TableSpec, low: str, newest: str, zone: str) -> tuple[Parameter, Parameter]:
    try:
        first = lower_bound(low, table.watermark_type or "", table.load.lag, zone)
        return first, int(newest) if isinstance(first, int) else newest
    except ValueError:
        raise SchemaDriftError(
            f"the last watermark of column {table.load.watermark} is no {table.watermark_type}; "
            "correct the declared type and load once with --full"
        ) from None


def _value(table: TableSpec, text: str) -> Parameter:
    """A bound as it is compared; raises ValueError where it is no value of the watermark's type."""
    if table.watermark_type == "bigint":
        return int(text)
    if table.watermark_type == "date":
        date.fromisoformat(text[:10])
    else:
        datetime.fromisoformat(text)
    return text


def _count_nulls(source: Source, table: TableSpec, column: SourceColumn) -> int:
    policy = table.load.null_watermark
    if policy == "include":
        return 0
    is_null = Predicate(source.dialect.missing(column))
    count = int(str(source.value(*_select(table, source.dialect, "count(*)", is_null))))
    if count and policy == "fail":
        name = DatabaseOptions.of(table).source_object
        raise NullWatermarkError(
            f"{count} rows of {name} have no {column.name}; correct them in the source, "
            "or set load.null_watermark to include or exclude"
        )
    return count


def _check_kind(dialect: Dialect, table: TableSpec, column: SourceColumn) -> None:
    """Text sorts as time in SQLite only, where bounds are texts too."""
    kinds = ("integer", "decimal") if table.watermark_type == "bigint" else TIME_KINDS
    if column.kind not in (*kinds, *dialect.sortable_kinds):
        raise SchemaDriftError(
            f"watermark column {column.name} is declared {table.watermark_type}, but the database keeps it as "
            f"{column.kind}, which does not sort so; load from a view that casts it"
        )


def _select(
    table: TableSpec, dialect: Dialect, expression: str, predicate: Predicate | None
) -> tuple[str, tuple[Parameter, ...]]:
    query = f"select {expression} from {object_name(dialect, DatabaseOptions.of(table).source_object)}"
    return (query, ()) if predicate is None else (f"{query} where {predicate.sql}", predicate.parameters)


def _shortest(text: str, column: SourceColumn) -> str:
    """Without trailing zeros of a fraction, except where texts are compared as they are."""
    is_moment = column.kind in ("moment", "zoned")
    return text.rstrip("0").removesuffix(".") if is_moment and "." in text else text


def _all(parts: list[Predicate]) -> Predicate:
    return _joined(" and ", parts)


def _any(parts: list[Predicate]) -> Predicate:
    return _joined(" or ", parts)


def _joined(word: str, parts: list[Predicate]) -> Predicate:
    sql = word.join(part.sql for part in parts)
    return Predicate(f"({sql})" if len(parts) > 1 else sql, tuple(value for part in parts for value in part.parameters))
