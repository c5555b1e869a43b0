"""Kind ``database``: source tables read through ADBC inside a watermark window."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa

from ingestion.arrow_types import cast_text
from ingestion.errors import SchemaDriftError, SourceUnavailableError
from ingestion.extraction import Extraction
from ingestion.settings import shown_url
from ingestion.specs import TableSpec
from ingestion.watermark import Window, lower_bound, shortest_text

# Rows per Arrow batch: 21 columns of text are about 6 MB.
BATCH_ROWS = 16_384

Parameter = str | int


@dataclass(frozen=True)
class Predicate:
    """A where clause with its bound parameters."""

    sql: str = "true"
    parameters: tuple[Parameter, ...] = ()


@contextmanager
def extract(table: TableSpec, url: str, window: Window) -> Iterator[Extraction]:
    """Open one source table inside its watermark window; the connection closes with the context.

    An increment reads from the last watermark, less the lag, up to the newest one seen before reading. Rows without a
    watermark come with full loads only. Rows dated in the future come with every load and do not move the watermark:
    it would pass by every row that is dated before them and written after them.

    Args:
        table: Its declaration.
        url: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.
        window: What is read of a watermarked table.

    Raises:
        SourceUnavailableError: No such database, or it cannot be read.
        SchemaDriftError: The table or a declared column is missing, or a value does not fit its type.
    """
    path = _sqlite_path(url)
    now = shortest_text(datetime.now(UTC))
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as control:
            _check_columns(control, table)
            high = _newest_watermark(control, table, now)
        low = window.low if window.load_type == "incremental" else None
        predicate = _window(table, low, high, now)
        with _read(path, table, predicate) as batches:
            yield Extraction(
                batches=batches,
                load_type=window.load_type,
                drop_known=window.load_type != "full",
                watermark_low=low,
                watermark_high=high or window.low,
            )
    except (sqlite3.Error, adbc_driver_manager.Error) as error:
        raise SourceUnavailableError(
            f"the database at {shown_url(url)} cannot be read ({type(error).__name__}); "
            "check that it is a SQLite database and not locked"
        ) from None


def _sqlite_path(url: str) -> Path:
    scheme, separator, path = url.partition(":///")
    if scheme != "sqlite" or not separator:
        raise SourceUnavailableError(
            f"databases of kind {scheme.split(':')[0]} are not supported; give a URL like sqlite:////folder/file.db"
        )
    if not Path(path).is_file():
        raise SourceUnavailableError(f"no database at {shown_url(url)}; correct the URL, or make one with rcm simulate")
    return Path(path)


def _check_columns(control: sqlite3.Connection, table: TableSpec) -> None:
    schema, _, name = f"main.{table.load.source_object}".rpartition(".")
    rows = control.execute("select name from pragma_table_info(?, ?)", (name, schema.split(".")[-1])).fetchall()
    if not rows:
        raise SchemaDriftError(f"the database has no table {table.load.source_object}; correct load.object")
    present = {name.lower() for (name,) in rows}
    missing = [name for name in table.column_names if name.lower() not in present]
    if missing:
        raise SchemaDriftError(
            f"table {table.load.source_object} has no column {', '.join(missing)}; "
            "restore it in the source, or take it out of the control table"
        )


def _newest_watermark(control: sqlite3.Connection, table: TableSpec, now: str) -> str | None:
    """Upper bound of this load, fixed before a row is read."""
    if table.load.watermark is None:
        return None
    column = _quoted(table.load.watermark)
    # SQLite sorts numbers before texts: a bigint watermark is never above the moment's text.
    query = f"select max({column}) from {_object(table)} where {column} <= ?"
    [(newest,)] = control.execute(query, (now,)).fetchall()
    return None if newest is None else str(newest)


def _window(table: TableSpec, low: str | None, high: str | None, now: str) -> Predicate:
    if low is None or table.load.watermark is None:
        return Predicate()
    column = _quoted(table.load.watermark)
    try:
        first = lower_bound(low, table.watermark_type or "", table.load.lag)
    except ValueError:
        raise SchemaDriftError(
            f"the last watermark of column {table.load.watermark} is no {table.watermark_type}; "
            "correct the declared type and load once with --full"
        ) from None
    # An integer column compares with an integer; a text bound would sort after every number.
    last: Parameter = "" if high is None else int(high) if isinstance(first, int) else high
    return Predicate(f"{column} >= ? and ({column} <= ? or {column} > ?)", (first, last, now))


@contextmanager
def _read(path: Path, table: TableSpec, predicate: Predicate) -> Iterator[Iterator[pa.RecordBatch]]:
    columns = ", ".join(f"cast({_quoted(name)} as text)" for name in table.column_names)
    # The driver takes each column's type from its first batch, where a column of nulls reads as integers and fails at
    # the first text after it. A first row of empty texts settles that; it is cut off again.
    texts = ", ".join("''" for _ in table.columns)
    query = f"select {texts} union all select {columns} from {_object(table)} where {predicate.sql}"
    with (
        adbc_driver_sqlite.dbapi.connect(f"{path.resolve().as_uri()}?mode=ro") as connection,
        connection.cursor() as cursor,
    ):
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        cursor.execute(query, predicate.parameters or None)
        with cursor.fetch_record_batch() as reader:
            yield _typed(reader, table)


def _typed(reader: pa.RecordBatchReader, table: TableSpec) -> Iterator[pa.RecordBatch]:
    for index, batch in enumerate(reader):
        yield cast_text(table, batch.slice(1) if index == 0 else batch)


def _object(table: TableSpec) -> str:
    return ".".join(_quoted(part) for part in str(table.load.source_object).split("."))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
