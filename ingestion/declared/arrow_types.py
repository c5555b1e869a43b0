"""Declared types as Arrow types, and the exact casts from a source's text to them."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.declared.clocks import MOMENT, days_of_moments, utc_of_clocks
from ingestion.declared.specs import TableSpec

# Columns of bronze for values that do not fit: which columns, without a value, and their texts, which may identify a
# patient and are read by nothing but a steward.
UNREAD = pa.schema([("_unread_columns", pa.string()), ("_unread", pa.string())])
LONGEST_UNREAD = 1_000
# Begins the text that a source gives in place of a value that it cannot give, such as a date beyond the year 9999.
UNREADABLE = "\x1aunreadable:"

_SIMPLE_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "bigint": pa.int64(),
}
_WIDE = pa.decimal256(60, 20)
# Nobody writes money with more digits behind the point: more of them are those of a binary number.
MONEY_DIGITS = 5
# Computed binary numbers are off by less.
NOISE = 1e-6


@dataclass
class Rounding:
    """Amounts with more digits than their column keeps, by column: how many, their sum, and its sum after rounding."""

    columns: dict[str, tuple[int, Decimal, Decimal]] = field(default_factory=dict)

    def add(self, column: str, came: pa.Array, kept: pa.Array) -> None:
        """Count amounts that differ from what is kept of them; both decimals, without nulls."""
        count, before, after = self.columns.get(column, (0, Decimal(0), Decimal(0)))
        sums = [pc.sum(pc.cast(values, _WIDE)).as_py() for values in (came, kept)]
        self.columns[column] = count + len(came), before + sums[0], after + sums[1]

    def warnings(self) -> list[str]:
        """A line per column that was rounded."""
        return [
            rounding_warning(name, count, before, after)
            for name, (count, before, after) in self.columns.items()
            if count
        ]


def rounding_warning(column: str, count: int, came: Decimal, kept: Decimal) -> str:
    """What an operator is told of amounts that were rounded."""
    return (
        f"column {column}: {count} amounts have more decimals than are kept and are rounded half up; "
        f"{plain(came)} came, {plain(kept)} is kept, {plain(came - kept)} is rounded away"
    )


def plain(amount: Decimal) -> str:
    """An amount with two decimals, or up to six where it has them."""
    whole, _, cents = f"{amount:.6f}".partition(".")
    return f"{whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def arrow_type(data_type: str) -> pa.DataType:
    """Arrow type of a declared type; timestamps are UTC without zone, in microseconds."""
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", data_type)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _SIMPLE_TYPES[data_type]


def source_schema(table: TableSpec) -> pa.Schema:
    """Declared columns of a table."""
    return pa.schema([(column.name, arrow_type(column.data_type)) for column in table.columns])


# An offset behind a time of day.
_OFFSET = r"[ T]\d{2}:.*?(Z|[+-]\d{2}(:?\d{2})?)$"


def cast_batch(
    table: TableSpec, batch: pa.RecordBatch, zoned: Collection[str] = (), rounding: Rounding | None = None
) -> pa.RecordBatch:
    """Columns in declared order, text or typed, cast to the declared types without loss, then those of ``UNREAD``.

    Decimals are rounded half up to the declared scale, and what that takes from them is counted; money that a source
    keeps in binary floating point (616.8699951171875 for 616.87) loses nothing. Text that is blank is null in every
    type but string. Timestamps become UTC: a clock without a zone shows that of the table's dialect. A moment in a
    column that is declared a date is its day in that zone. A value that does not fit its type, or is not UTF-8, is
    null, too: its column is named in ``_unread_columns`` if the map reads it, and ``_unread`` has its text as JSON.

    Args:
        table: Its declaration.
        batch: What was read.
        zoned: Columns whose source has a zone, and that arrive in UTC.
        rounding: Where amounts that are rounded are added up.
    """
    schema = source_schema(table)
    columns: list[pa.Array] = []
    unread: dict[int, dict[str, str]] = {}
    said = (*(table.dialect.null_words or ()), *(table.dialect.sentinel_dates or ()))
    nothing = {"", *(word.strip().casefold() for word in said)}
    for index, column in enumerate(table.columns):
        values, target = batch.column(index), schema.field(index).type
        cast = partial(_cast, target=target, zone=table.time_zone, is_utc=column.name in zoned)
        if rounding is not None and pa.types.is_decimal(target) and not values.type.equals(target):
            cast = partial(_cast_counted, cast=cast, rounding=rounding, column=column.name)
        try:
            _validate(values)
            columns.append(cast(values))
        except pa.ArrowInvalid:
            columns.append(pa.concat_arrays(list(_cast_parts(values, cast, target))))
            for row in _lost(values, columns[-1], target, nothing):
                unread.setdefault(row, {})[column.name] = _text(values, row)
    names = pa.nulls(batch.num_rows, pa.string())
    texts = names
    if unread:
        read = [column.name for column in table.columns if _is_read(table, column.name)]
        listed = {row: ",".join(name for name in read if name in found) for row, found in unread.items()}
        names = pa.array([listed.get(row) or None for row in range(batch.num_rows)], pa.string())
        kept = {row: json.dumps(found, ensure_ascii=False) for row, found in unread.items()}
        texts = pa.array([kept.get(row) for row in range(batch.num_rows)], pa.string())
    return pa.record_batch([*columns, names, texts], schema=pa.schema([*schema, *UNREAD]))


def _is_read(table: TableSpec, name: str) -> bool:
    """Whether silver reads a column: it is in an expression of the map, or there is no map."""
    if not table.column_map:
        return True
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    return any(word.search(expression) for expression in table.column_map.values())


def _cast_parts(values: pa.Array, cast: Callable[[pa.Array], pa.Array], target: pa.DataType) -> Iterator[pa.Array]:
    """Values cast by halves, so that those that do not fit are found without a look at each: they are null."""
    try:
        _validate(values)
        yield cast(values)
    except pa.ArrowInvalid:
        if len(values) == 1:
            yield pa.nulls(1, target)
            return
        half = len(values) // 2
        yield from _cast_parts(values[:half], cast, target)
        yield from _cast_parts(values[half:], cast, target)


def _lost(values: pa.Array, cast: pa.Array, target: pa.DataType, nothing: Collection[str]) -> Iterator[int]:
    """Rows whose value is null after the cast and was none before; the source's words for nothing are none.

    In a string only what is no text is lost.
    """
    for row in np.flatnonzero(np.asarray(pc.and_(pc.is_null(cast), pc.is_valid(values)))).tolist():
        if pa.types.is_string(target) or _text(values, row).strip().casefold() not in nothing:
            yield int(row)


def _text(values: pa.Array, row: int) -> str:
    """A value that does not fit, as text of bounded length; bytes that are no text in hexadecimal."""
    value = values[row]
    if not pa.types.is_string(values.type):
        return str(pc.cast(value, pa.string()).as_py())[:LONGEST_UNREAD]
    raw = value.as_buffer().to_pybytes()
    try:
        return str(raw.decode("utf-8"))[:LONGEST_UNREAD]
    except UnicodeDecodeError:
        return f"\\x{raw[: LONGEST_UNREAD // 2].hex()}"


def _validate(values: pa.Array) -> None:
    """Raise ArrowInvalid where a text is not UTF-8 or the source said that a value cannot be read."""
    values.validate(full=True)
    if pa.types.is_string(values.type) and pc.any(pc.starts_with(values, UNREADABLE)).as_py():
        raise pa.ArrowInvalid("a value that the source could not give")


def _cast(values: pa.Array, target: pa.DataType, zone: str, *, is_utc: bool) -> pa.Array:
    if values.type == target and not pa.types.is_timestamp(target):
        return values
    if pa.types.is_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    if pa.types.is_decimal(target):
        return _cast_decimal(values, target)
    if pa.types.is_timestamp(target):
        return _cast_moments(values, zone, is_utc=is_utc)
    if pa.types.is_date32(target):
        return _cast_date(values) if zone == "UTC" else _cast_day(values, zone, is_utc=is_utc)
    return pc.cast(values, target)


def _cast_decimal(values: pa.Array, target: pa.DataType) -> pa.Array:
    return pc.cast(pc.round(_exact(values), target.scale, round_mode="half_towards_infinity"), target)


def _exact(values: pa.Array) -> pa.Array:
    """Numbers as decimals of more digits than money has; of a binary one the decimal that is written as it."""
    if pa.types.is_floating(values.type):
        values = pc.cast(values, pa.string())
    try:
        return pc.cast(values, pa.decimal128(38, 15))
    except pa.ArrowInvalid:
        # Tiny floats such as 1.23456789012345e-05 have more digits behind the point than 128 bits have room for.
        return pc.cast(values, pa.decimal256(76, 38))


def _cast_counted(values: pa.Array, cast: Callable[[pa.Array], pa.Array], rounding: Rounding, column: str) -> pa.Array:
    kept = cast(values)
    _count_rounded(rounding, column, values, kept)
    return kept


def _count_rounded(rounding: Rounding, column: str, values: pa.Array, kept: pa.Array) -> None:
    if pa.types.is_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    exact = pc.cast(_exact(values), _WIDE)
    is_rounded = pc.not_equal(exact, pc.cast(kept, _WIDE))
    if pa.types.is_floating(values.type) or pa.types.is_string(values.type):
        is_rounded = pc.and_(is_rounded, pc.invert(_is_binary_noise(values, exact, kept)))
    if pc.any(is_rounded).as_py():
        rounding.add(column, exact.filter(is_rounded), kept.filter(is_rounded))


def _is_binary_noise(values: pa.Array, exact: pa.Array, kept: pa.Array) -> pa.Array:
    """Where a number stands for the money that is written as it, in 64 or 32 bits; SQLite gives both as text."""
    binary, doubles = pc.cast(values, pa.float64()), pc.cast(kept, pa.float64())
    floats = pc.cast(pc.cast(doubles, pa.float32()), pa.float64())
    is_float = pc.and_(pc.equal(binary, floats), pc.not_equal(exact, pc.round(exact, MONEY_DIGITS)))
    return pc.or_(pc.less(pc.abs(pc.subtract(binary, doubles)), NOISE), is_float)


def _cast_moments(values: pa.Array, zone: str, *, is_utc: bool) -> pa.Array:
    if not pa.types.is_string(values.type):
        clocks = pc.cast(values, MOMENT)
        return clocks if is_utc or zone == "UTC" else utc_of_clocks(clocks, zone)
    has_offset = pc.match_substring_regex(values, _OFFSET)
    clocks = pc.cast(pc.if_else(has_offset, None, values), MOMENT)
    shown = clocks if is_utc or zone == "UTC" else utc_of_clocks(clocks, zone)
    if not pc.any(has_offset).as_py():
        return shown
    moments = pc.cast(pc.cast(pc.if_else(has_offset, values, None), pa.timestamp("us", "UTC")), MOMENT)
    return pc.coalesce(moments, shown)


def _cast_day(values: pa.Array, zone: str, *, is_utc: bool) -> pa.Array:
    """Dates as they are, and moments as days of the zone."""
    if is_utc:
        return days_of_moments(values, zone)
    if not pa.types.is_string(values.type):
        return _cast_date(values)
    has_offset = pc.match_substring_regex(values, _OFFSET)
    days = _cast_date(pc.if_else(has_offset, None, values))
    if not pc.any(has_offset).as_py():
        return days
    moments = pc.cast(pc.if_else(has_offset, values, None), pa.timestamp("us", "UTC"))
    return pc.coalesce(days_of_moments(pc.cast(moments, MOMENT), zone), days)


def _cast_date(values: pa.Array) -> pa.Array:
    moments = pc.cast(values, pa.timestamp("us"))
    dates = pc.cast(moments, pa.date32())
    if pc.any(pc.not_equal(pc.cast(dates, pa.timestamp("us")), moments)).as_py():
        raise pa.ArrowInvalid("time of day in a date")
    return dates
