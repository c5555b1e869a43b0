"""Declared types as Arrow types, and the exact casts from a source's text to them."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.base.errors import SchemaDriftError
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


def cast_batch(table: TableSpec, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns in declared order, text or typed, cast to the declared types without loss.

    Money that a source keeps in binary floating point (616.8699951171875) is rounded half up to the declared scale.
    Text that is blank is null in every type but string.

    Raises:
        SchemaDriftError: A value does not fit its declared type, or is not UTF-8; the message names the column only.
    """
    schema = source_schema(table)
    columns = []
    for index, column in enumerate(table.columns):
        try:
            values = batch.column(index)
            values.validate(full=True)
            columns.append(_cast(values, schema.field(index).type))
        except pa.ArrowInvalid:
            raise SchemaDriftError(
                f"column {column.name} holds values that are not {column.data_type}; "
                "correct the source or declare the column string"
            ) from None
    return pa.record_batch(columns, schema=schema)


def _cast(values: pa.Array, target: pa.DataType) -> pa.Array:
    if values.type == target:
        return values
    if pa.types.is_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    if pa.types.is_decimal(target):
        return _cast_decimal(values, target)
    if pa.types.is_date32(target):
        return _cast_date(values)
    return pc.cast(values, target)


def _cast_decimal(values: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        exact = pc.cast(values, pa.decimal128(38, 15))
    except pa.ArrowInvalid:
        # Tiny floats such as 1.23456789012345e-05 have more digits behind the point than 128 bits have room for.
        exact = pc.cast(values, pa.decimal256(76, 38))
    return pc.cast(pc.round(exact, target.scale, round_mode="half_towards_infinity"), target)


def _cast_date(values: pa.Array) -> pa.Array:
    moments = pc.cast(values, pa.timestamp("us"))
    dates = pc.cast(moments, pa.date32())
    if pc.any(pc.not_equal(pc.cast(dates, pa.timestamp("us")), moments)).as_py():
        raise pa.ArrowInvalid("time of day in a date")
    return dates
