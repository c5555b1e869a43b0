"""Reads small Delta tables completely as Arrow: the audit tables and the closes of months."""

from collections.abc import Sequence

import pyarrow as pa
from deltalake import DeltaTable

from ingestion.base.storage import Location


def read_rows(place: Location, schema: pa.Schema) -> pa.Table:
    """Every row of a table, unordered; none if the table does not exist."""
    delta = place.delta()
    return schema.empty_table() if delta is None else scan(delta, schema, schema.names)


def scan(delta: DeltaTable, schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    """Rows of a table, unordered, with nulls for columns that were added later."""
    wanted = pa.schema([schema.field(name) for name in columns])
    held = {field.name for field in delta.schema().fields}
    rows = pa.table(delta.scan([name for name in wanted.names if name in held]))
    # The reader hands out string views, which Arrow cannot sort.
    arrays = [
        rows.column(field.name).cast(field.type) if field.name in held else pa.nulls(rows.num_rows, field.type)
        for field in wanted
    ]
    return pa.table(arrays, schema=wanted)
