"""ODBC sources: control queries by pyodbc, rows by arrow-odbc, both with one connection string."""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pyarrow as pa

from ingestion.base.errors import IngestionError, SchemaDriftError, SourceUnavailableError
from ingestion.sources.database.address import LOGIN_SECONDS, MAX_TEXT_BYTES, OdbcAddress, completed
from ingestion.sources.database.dialects import (
    DESCRIBED_KINDS,
    ColumnKind,
    Dialect,
    Parameter,
    Postgres,
    SourceColumn,
    SqlServer,
    object_name,
)
from ingestion.sources.database.failures import Failure
from ingestion.sources.database.retry import retried

# Rows and bytes of the batches that are handed on.
BATCH_ROWS = 8_192
BATCH_BYTES = 16 * 2**20
# The driver writes into a buffer of the columns' greatest lengths, where texts without a length fill it soon.
BUFFER_BYTES = 16 * 2**20

_KINDS: dict[type, ColumnKind] = {
    str: "text",
    int: "integer",
    Decimal: "decimal",
    float: "float",
    bool: "boolean",
    date: "date",
    datetime: "moment",
}


class OdbcSource:
    """One open ODBC connection for control queries; rows come over a second one."""

    def __init__(self, address: OdbcAddress, dialect: Dialect, control: Any, first_wait: float) -> None:  # noqa: ANN401 - pyodbc.Connection, imported late
        self.shown = address.shown
        self.dialect = dialect
        self._address = address
        self._control = control
        self._first_wait = first_wait

    def columns(self, source_object: str) -> list[SourceColumn]:
        """Columns of a table or view, none where there is no such table."""
        query = f"select * from {object_name(self.dialect, source_object)} where 1 = 0"
        try:
            with closing(self._control.cursor()) as cursor:
                description = cursor.execute(query).description
        except _pyodbc().Error as error:
            if _failure(error).is_missing_table:
                return []
            raise _failure(error).unavailable(self.shown) from None
        columns = [
            SourceColumn(name, _kind(kind, precision, scale), precision or 38, scale or 0)
            for name, kind, _, _, precision, scale, _ in description
        ]
        return self._with_told_kinds(source_object, columns)

    def value(self, query: str, parameters: Sequence[Parameter] = ()) -> object:
        """The one value of a query."""
        return self._row(query, parameters)[0]

    @contextmanager
    def batches(
        self, query: str, parameters: Sequence[Parameter], schema: pa.Schema
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Stream a query; an attempt that fails before its first row is retried."""
        arrow_odbc = _imported("arrow_odbc")

        def execute() -> Any:  # noqa: ANN401 - arrow_odbc.BatchReader, imported late
            return arrow_odbc.read_arrow_batches_from_odbc(
                query + self.dialect.end_marker,
                self._address.connection_string,
                parameters=[str(value) for value in parameters] or None,
                schema=schema,
                batch_size=BATCH_ROWS,
                max_bytes_per_batch=BUFFER_BYTES,
                max_text_size=MAX_TEXT_BYTES,
                max_binary_size=MAX_TEXT_BYTES,
                login_timeout_sec=LOGIN_SECONDS,
                # A second buffer and thread would need more memory and not be faster, because bronze is slower.
                fetch_concurrently=False,
            )

        def read(reader: Any) -> Generator[pa.RecordBatch, None, None]:  # noqa: ANN401 - arrow_odbc.BatchReader
            count = 0
            failure = None
            try:
                for batch in _gathered(reader):
                    count += batch.num_rows
                    yield batch
                if self.dialect.end_marker and _counted(reader) != count:
                    raise SourceUnavailableError(
                        f"{self.shown}: the connection was lost while rows were read; nothing was written, run again"
                    )
            except arrow_odbc.Error as error:
                failure = _broken_off(self.shown, error)
            finally:
                # The connection closes with its reader, which the driver's error or a traceback would keep alive.
                del reader
            if failure is not None:
                raise failure

        try:
            stream = read(retried(execute, _is_transient, self._first_wait))
        except arrow_odbc.Error as error:
            raise _failure(error).unavailable(self.shown) from None
        with closing(stream):
            yield stream

    def _with_told_kinds(self, source_object: str, columns: list[SourceColumn]) -> list[SourceColumn]:
        probe = self.dialect.type_probe(source_object, [column.name for column in columns])
        if probe is None:
            return columns
        return [
            replace(column, kind=DESCRIBED_KINDS.get(described, column.kind))
            for column, described in zip(columns, self._row(probe), strict=True)
        ]

    def _row(self, query: str, parameters: Sequence[Parameter] = ()) -> Sequence[Any]:
        try:
            with closing(self._control.cursor()) as cursor:
                row: Sequence[Any] = cursor.execute(query, *(str(value) for value in parameters)).fetchone()
                return row
        except _pyodbc().Error as error:
            raise _failure(error).unavailable(self.shown) from None


@contextmanager
def open_odbc(address: OdbcAddress, first_wait: float) -> Iterator[OdbcSource]:
    """Connect, with retries and backoff for transient failures.

    Args:
        address: Where to.
        first_wait: Bound of the first wait between attempts, in seconds.

    Raises:
        SourceUnavailableError: No connection after every attempt, a refused login, or no such driver.
    """
    pyodbc = _pyodbc()

    def connect() -> Any:  # noqa: ANN401 - pyodbc.Connection, imported late
        return pyodbc.connect(address.connection_string, autocommit=True, readonly=True, timeout=LOGIN_SECONDS)

    try:
        control = retried(connect, _is_transient, first_wait)
    except pyodbc.Error as error:
        raise _failure(error).unavailable(address.shown) from None
    with closing(control):
        dialect = address.dialect or _dialect(address, control)
        yield OdbcSource(completed(address, dialect), dialect, control, first_wait)


def _gathered(reader: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Small batches joined: what is done to each batch later costs as much for a hundred rows as for thousands."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.concat_batches(held)


def _counted(reader: Any) -> int | None:  # noqa: ANN401 - arrow_odbc.BatchReader
    """Rows of the first result as the server counted them; None where its count did not come."""
    if not reader.more_results(batch_size=1, fetch_concurrently=False):
        return None
    return next((int(batch.column(0)[0].as_py()) for batch in reader), None)


def _dialect(address: OdbcAddress, control: Any) -> Dialect:  # noqa: ANN401 - pyodbc.Connection, imported late
    name = str(control.getinfo(_pyodbc().SQL_DBMS_NAME)).lower()
    if "postgres" in name:
        return Postgres()
    if "sql server" in name:
        return SqlServer()
    raise SourceUnavailableError(
        f"{address.shown} is neither PostgreSQL nor SQL Server, and no other engine is supported by ODBC; "
        "land its tables as files"
    )


def _pyodbc() -> Any:  # noqa: ANN401 - a module
    pyodbc: Any = _imported("pyodbc")
    # A pool would hand out connections that a server has closed meanwhile.
    pyodbc.pooling = False
    return pyodbc


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except (ImportError, OSError):
        raise SourceUnavailableError(
            f"{name} cannot be loaded; pip install 'rcm-lakehouse[odbc]', and install your system's package unixodbc"
        ) from None


def _kind(described: type, precision: int, scale: int) -> ColumnKind:
    # pyodbc has no type for datetimeoffset: it is bytes of the width that such a text has.
    if described is bytearray and precision == (scale + 27 if scale else 26):
        return "zoned"
    return _KINDS.get(described, "other")


def _state(error: Exception) -> str:
    """SQLSTATE of an error of pyodbc or arrow-odbc; its text may hold values and is not shown."""
    first = str(error.args[0]) if error.args else ""
    if re.fullmatch(r"[0-9A-Z]{5}", first):
        return first
    found = re.search(r"State: ([0-9A-Z]{5})", first)
    return found[1] if found else ""


def _number(error: Exception) -> int:
    found = re.search(r"Native error: (-?\d+)", str(error)) or re.search(r"\((-?\d+)\) \(SQL", str(error))
    return int(found[1]) if found else 0


def _failure(error: Exception) -> Failure:
    return Failure(_state(error), type(error).__name__, str(error), _number(error))


def _is_transient(error: Exception) -> bool:
    return _failure(error).is_transient


def _broken_off(shown: str, error: Exception) -> IngestionError:
    if "too large to be written" in str(error):
        return SchemaDriftError(
            f"{shown} holds a text of more than {MAX_TEXT_BYTES} bytes, which is not read; "
            "take its column out of the control table, or cut it in a view"
        )
    return _failure(error).broken_off(shown)
