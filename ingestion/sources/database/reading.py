"""Reads a table of any database: checks the columns, fixes the watermark bounds, streams the rows between them."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.base.errors import SchemaDriftError, SourceUnavailableError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import Rounding, cast_batch
from ingestion.declared.specs import TableSpec
from ingestion.declared.watermark import Window
from ingestion.sources.database.address import (
    is_adbc_address,
    is_odbc_address,
    parse_address,
    parse_libpq_address,
)
from ingestion.sources.database.dialects import SourceColumn, object_name
from ingestion.sources.database.odbc import open_odbc
from ingestion.sources.database.options import DatabaseOptions
from ingestion.sources.database.postgresql import open_postgresql
from ingestion.sources.database.retry import FIRST_WAIT_SECONDS
from ingestion.sources.database.source import Source
from ingestion.sources.database.sqlite import open_sqlite
from ingestion.sources.database.window import Bounds, fix_bounds

# Rows of a batch that a warning names.
_ROWS_NAMED = 5
# So many values of a batch that do not fit, and more than those that do, are no slips.
_PROVING_VALUES = 100


@contextmanager
def extract(
    table: TableSpec, address: str, window: Window, *, first_wait: float = FIRST_WAIT_SECONDS
) -> Iterator[Extraction]:
    """Open one source table inside its watermark window; the connections close with the context.

    An increment reads from the last watermark, less the lag for late-arriving rows, up to the newest one seen before
    reading. Rows dated in the future, by the database's own clock, are read by every load and do not move the
    watermark: it would skip every row that is dated before them and written after them. Rows without a watermark are
    read by every load, by none, or fail it, as load.null_watermark declares. Bronze deduplicates rows that are read
    again.

    Args:
        table: Its declaration.
        address: URL of sqlite, postgresql, postgresql+adbc or mssql, or an ODBC string.
        window: What is read of a watermarked table.
        first_wait: Bound of the first wait before a failed connection is tried again, in seconds.

    Raises:
        SourceUnavailableError: No such database, or it cannot be read; names the host, never a secret.
        SchemaDriftError: The table or a declared column is missing, or its watermark has another type.
        NullWatermarkError: Rows have no watermark, and load.null_watermark is fail.
    """
    with open_database(address, first_wait) as source:
        held, warnings = _checked_columns(source, table)
        watermark = None if table.load.watermark is None else held[table.load.watermark]
        bounds = fix_bounds(source, table, window, watermark)
        if bounds.rejected:
            warnings.append(f"{bounds.rejected} rows have no {table.load.watermark} and were left out")
        with _read(source, table, held, bounds, warnings) as batches:
            extraction = Extraction(
                batches=iter(()),
                load_type=window.load_type,
                drop_known=window.load_type != "full",
                watermark_low=bounds.low,
                watermark_high=bounds.high,
                rows_rejected=bounds.rejected,
                warnings=warnings,
                has_unread=True,
            )
            extraction.batches = _noted(table, batches, extraction.warnings)
            yield extraction


def _noted(table: TableSpec, batches: Iterator[pa.RecordBatch], warnings: list[str]) -> Iterator[pa.RecordBatch]:
    """The batches, and at their end a warning about values that do not fit: how many in which column, in which rows."""
    counts: Counter[str] = Counter()
    rows: list[int] = []
    first = total = 0
    for batch in batches:
        texts = batch.column("_unread")
        found: Counter[str] = Counter()
        if texts.null_count < batch.num_rows:
            for row in np.flatnonzero(np.asarray(pc.is_valid(texts))).tolist():
                found.update(json.loads(texts[row].as_py()).keys())
                total += 1
                rows += [first + row + 1] if len(rows) < _ROWS_NAMED else []
        _require_most_fit(table, batch, found)
        counts += found
        first += batch.num_rows
        yield batch
    if counts:
        types = {column.name: column.data_type for column in table.columns}
        columns = ", ".join(f"{name} ({count} not {types[name]})" for name, count in sorted(counts.items()))
        more = f" and {total - len(rows)} more" if total > len(rows) else ""
        warnings.append(
            f"{total} rows hold values that do not fit: {columns}; they landed as text in _unread, silver rejects the "
            f"rows as value_unparseable; _row_number {', '.join(map(str, rows))}{more}"
        )


def _require_most_fit(table: TableSpec, batch: pa.RecordBatch, found: Counter[str]) -> None:
    """Bad values are for silver to reject; a column that is full of them has another type than its declaration."""
    for column in table.columns:
        count, fitting = found[column.name], batch.num_rows - batch.column(column.name).null_count
        if count >= _PROVING_VALUES and count > fitting:
            raise SchemaDriftError(
                f"column {column.name} holds values that are not {column.data_type} in most rows; "
                "correct the source or declare the column string"
            )


def open_database(address: str, first_wait: float = FIRST_WAIT_SECONDS) -> AbstractContextManager[Source]:
    """Connect to a database by its URL or ODBC string.

    Raises:
        SourceUnavailableError: No such database, or it refuses the login; names the host, never a secret.
    """
    if is_adbc_address(address):
        return open_postgresql(parse_libpq_address(address), first_wait)
    if is_odbc_address(address):
        return open_odbc(parse_address(address), first_wait)
    if address.startswith("sqlite:"):
        return open_sqlite(address)
    raise SourceUnavailableError(
        "the connection is not a known kind of database; give a URL of sqlite, postgresql or mssql, or an ODBC string"
    )


def _checked_columns(source: Source, table: TableSpec) -> tuple[dict[str, SourceColumn], list[str]]:
    """Each declared column as the source has it, capitals aside; and a warning about columns that are not declared."""
    name = DatabaseOptions.of(table).source_object
    columns = source.columns(name)
    if not columns:
        raise SchemaDriftError(f"the database has no table {name}; correct load.object")
    by_name = {column.name.lower(): column for column in columns} | {column.name: column for column in columns}
    held = {declared: by_name.get(declared) or by_name.get(declared.lower()) for declared in table.column_names}
    missing = [declared for declared, column in held.items() if column is None]
    if missing:
        raise SchemaDriftError(
            f"table {name} has no column {', '.join(missing)}; "
            "restore it in the source, or take it out of the control table"
        )
    found = {declared: column for declared, column in held.items() if column is not None}
    known = {column.name for column in found.values()}
    extra = ", ".join(column.name for column in columns if column.name not in known)
    if extra and table.contract.columns == "freeze":
        raise SchemaDriftError(
            f"table {name} has undeclared columns {extra}, and contract.columns is freeze; "
            "declare them, or set it to discard"
        )
    warned = bool(extra) and table.contract.columns == "evolve"
    return found, [f"undeclared columns {extra} were not read; declare them to land them"] if warned else []


@contextmanager
def _read(
    source: Source, table: TableSpec, held: dict[str, SourceColumn], bounds: Bounds, warnings: list[str]
) -> Iterator[Iterator[pa.RecordBatch]]:
    dialect = source.dialect
    reads = [dialect.read_as(held[column.name], column.data_type) for column in table.columns]
    schema = pa.schema([(column.name, kind) for column, (_, kind) in zip(table.columns, reads, strict=True)])
    place = object_name(dialect, DatabaseOptions.of(table).source_object)
    query = f"select {', '.join(sql for sql, _ in reads)} from {place}"
    parameters = bounds.predicate.parameters if bounds.predicate else ()
    if bounds.predicate:
        query += f" where {bounds.predicate.sql}"
    with source.batches(query, parameters, schema) as batches:
        zoned = [declared for declared, column in held.items() if column.kind == "zoned"]
        yield _cast(table, batches, zoned, warnings)


def _cast(
    table: TableSpec, batches: Iterator[pa.RecordBatch], zoned: list[str], warnings: list[str]
) -> Iterator[pa.RecordBatch]:
    """Batches in the declared types; what rounding took from amounts is a warning once all are read."""
    rounding = Rounding()
    for batch in batches:
        yield cast_batch(table, batch, zoned, rounding)
    warnings += rounding.warnings()
