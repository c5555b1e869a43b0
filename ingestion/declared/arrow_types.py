"""Declared types as Arrow types, and the exact casts from a source's text to them."""

import re
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.base.errors import SchemaDriftError
from ingestion.declared.clocks import MOMENT, days_of_moments, utc_of_clocks
from ingestion.declared.specs import TableSpec

_SIMPLE_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "bigint": pa.int64(),
}


def arrow_type(data_type: str) -> pa.DataType:
    """Arrow type of a declared type; timestamps are UTC without zone, in microseconds."""
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", data_type)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _SIMPLE_TYPES[data_type]


def source_schema(table: TableSpec) -> pa.Schema:
    """Declared columns of a table."""
    return pa.schema([(column.name, arrow_type(column.data_type)) for column in table.columns])


# An offset behind a time of day.
_OFFSET = r"[ T]\d{2}:.*?(Z|[+-]\d{2}(:?\d{2})?)$"


def cast_batch(table: TableSpec, batch: pa.RecordBatch, zoned: Collection[str] = ()) -> pa.RecordBatch:
    """Columns in declared order, text or typed, cast to the declared types without loss.

    Money that a source keeps in binary floating point (616.8699951171875) is rounded half up to the declared scale.
    Text that is blank is null in every type but string. Timestamps become UTC: a clock without a zone shows that of the
    table's dialect. A moment in a column that is declared a date is its day in that zone.

    Args:
        table: Its declaration.
        batch: What was read.
        zoned: Columns whose source has a zone, and that arrive in UTC.

    Raises:
        SchemaDriftError: A value does not fit its declared type, or is not UTF-8; the message names the column only.
    """
    schema, zone = source_schema(table), table.time_zone
    columns = []
    for index, column in enumerate(table.columns):
        try:
            values = batch.column(index)
            values.validate(full=True)
            columns.append(_cast(values, schema.field(index).type, zone, is_utc=column.name in zoned))
        except pa.ArrowInvalid:
            raise SchemaDriftError(
                f"column {column.name} holds values that are not {column.data_type}; "
                "correct the source or declare the column string"
            ) from None
    return pa.record_batch(columns, schema=schema)


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
    try:
        exact = pc.cast(values, pa.decimal128(38, 15))
    except pa.ArrowInvalid:
        # Tiny floats such as 1.23456789012345e-05 have more digits behind the point than 128 bits have room for.
        exact = pc.cast(values, pa.decimal256(76, 38))
    return pc.cast(pc.round(exact, target.scale, round_mode="half_towards_infinity"), target)


def _cast_moments(values: pa.Array, zone: str, *, is_utc: bool) -> pa.Array:
    if not pa.types.is_string(values.type):
        clocks = pc.cast(values, MOMENT)
        return clocks if is_utc or zone == "UTC" else utc_of_clocks(clocks, zone)
    has_offset = pc.match_substring_regex(values, _OFFSET)
    clocks = pc.cast(pc.if_else(has_offset, None, values), MOMENT)
    shown = clocks if zone == "UTC" else utc_of_clocks(clocks, zone)
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
