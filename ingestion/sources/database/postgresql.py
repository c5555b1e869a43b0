"""PostgreSQL by ADBC: libpq is part of the Python package, rows come as Arrow from COPY."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

import adbc_driver_manager
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.base.errors import SourceUnavailableError
from ingestion.declared.arrow_types import UNREADABLE
from ingestion.sources.database.address import LibpqAddress
from ingestion.sources.database.dialects import (
    ColumnKind,
    Dialect,
    Parameter,
    PostgresByCopy,
    SourceColumn,
    object_name,
)
from ingestion.sources.database.failures import Failure
from ingestion.sources.database.retry import retried

# Bytes of the batches that are handed on.
BATCH_BYTES = 4 * 2**20
# By the name that the server gives a type; any other is read as text.
_KINDS: dict[str, ColumnKind] = {
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "name": "text",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "float",
    "float8": "float",
    "numeric": "decimal",
    "bool": "boolean",
    "date": "date",
    "timestamp": "moment",
    "timestamptz": "zoned",
}
# Days from 1970 of the years 1 to 9999: PostgreSQL has earlier and later ones, and infinity.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_DAY = 86_400_000_000
_RANGES = {
    pa.date32(): (pa.int32(), _FIRST_DAY, _LAST_DAY),
    pa.timestamp("us"): (pa.int64(), _FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1),
}

_TOO_LATE = f"{UNREADABLE} after the year 9999, or infinity"


class PostgresSource:
    """One open connection for control queries; rows come over a second one."""

    dialect: Dialect = PostgresByCopy()

    def __init__(self, address: LibpqAddress, control: Any, first_wait: float) -> None:  # noqa: ANN401 - imported late
        self.shown = address.shown
        self._address = address
        self._control = control
        self._first_wait = first_wait

    def columns(self, source_object: str) -> list[SourceColumn]:
        """Columns of a table or view, none where there is no such table."""
        try:
            schema = self._answer(f"select * from {object_name(self.dialect, source_object)} where false").schema
        except adbc_driver_manager.Error as error:
            if _failure(error).is_missing_table:
                return []
            raise _failure(error).unavailable(self.shown) from None
        return [SourceColumn(column.name, _kind(column)) for column in schema]

    def value(self, query: str, parameters: Sequence[Parameter] = ()) -> object:
        """The one value of a query."""
        _require_none(parameters)
        try:
            value: object = self._answer(query).column(0)[0].as_py()
        except adbc_driver_manager.Error as error:
            raise _failure(error).unavailable(self.shown) from None
        return value

    @contextmanager
    def batches(
        self, query: str, parameters: Sequence[Parameter], schema: pa.Schema
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Stream a query; an attempt that fails before its first row is made again."""
        _require_none(parameters)
        hint = _driver().StatementOptions.BATCH_SIZE_HINT_BYTES.value

        def execute() -> tuple[Any, Any]:
            connection = _connected(self._address)
            try:
                cursor = connection.cursor()
                cursor.adbc_statement.set_options(**{hint: str(BATCH_BYTES)})
                cursor.execute(query)
            except BaseException:
                connection.close()
                raise
            return connection, cursor

        try:
            connection, cursor = retried(execute, _is_transient, self._first_wait)
        except adbc_driver_manager.Error as error:
            raise _failure(error).unavailable(self.shown) from None
        with closing(connection), closing(cursor), closing(self._read(cursor, schema)) as stream:
            yield stream

    def _read(self, cursor: Any, schema: pa.Schema) -> Generator[pa.RecordBatch, None, None]:  # noqa: ANN401
        try:
            with cursor.fetch_record_batch() as reader:
                for batch in reader:
                    yield _typed(batch, schema)
        except (adbc_driver_manager.Error, OSError) as error:
            raise _failure(error).broken_off(self.shown) from None

    def _answer(self, query: str) -> pa.Table:
        with self._control.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table()


@contextmanager
def open_postgresql(address: LibpqAddress, first_wait: float) -> Iterator[PostgresSource]:
    """Connect, and retry with backoff where the failure is transient.

    Args:
        address: The server.
        first_wait: Bound of the first wait between attempts, in seconds.

    Raises:
        SourceUnavailableError: No connection after every attempt, a refused login, or no such driver.
    """
    try:
        control = retried(lambda: _connected(address), _is_transient, first_wait)
    except adbc_driver_manager.Error as error:
        raise _failure(error).unavailable(address.shown) from None
    with closing(control):
        yield PostgresSource(address, control, first_wait)


def _connected(address: LibpqAddress) -> Any:  # noqa: ANN401 - adbc_driver_manager.dbapi.Connection, imported late
    _driver()
    return import_module("adbc_driver_postgresql.dbapi").connect(address.uri, autocommit=True)


def _driver() -> Any:  # noqa: ANN401 - a module
    try:
        return import_module("adbc_driver_postgresql")
    except ImportError:
        raise SourceUnavailableError(
            "adbc_driver_postgresql cannot be loaded; pip install 'rcm-lakehouse[postgresql]'"
        ) from None


def _require_none(parameters: Sequence[Parameter]) -> None:
    if parameters:
        raise AssertionError("bounds are literals of the query")


def _kind(column: pa.Field) -> ColumnKind:
    return _KINDS.get((column.metadata or {}).get(b"POSTGRESQL:type", b"").decode(), "other")


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch in the wanted names and types; dates or moments outside the years 1 to 9999 make their column text."""
    columns = [values.cast(column.type) for values, column in zip(batch.columns, schema, strict=True)]
    for index, (values, column) in enumerate(zip(list(columns), schema, strict=True)):
        if column.type in _RANGES:
            integer, first, last = _RANGES[column.type]
            found = pc.min_max(values.view(integer)).as_py()
            if found["min"] is not None and (found["min"] < first or found["max"] > last):
                columns[index] = _with_words(values, values.view(integer), first, last)
    return pa.record_batch(columns, names=schema.names)


def _with_words(values: pa.Array, numbers: pa.Array, first: int, last: int) -> pa.Array:
    """Dates or moments as text, with words for those that no date of the years 1 to 9999 is."""
    too_early, too_late = pc.less(numbers, first), pc.greater(numbers, last)
    is_outside = pc.or_(too_early, too_late)
    texts = pc.cast(pc.if_else(is_outside, None, values), pa.string())
    word = pc.if_else(too_early, f"{UNREADABLE} before the year 1, or -infinity", _TOO_LATE)
    return pc.if_else(is_outside, word, texts)


def _failure(error: Exception) -> Failure:
    text = str(error)
    # libpq gives no state where no connection was made.
    state = getattr(error, "sqlstate", None) or ("08001" if "Failed to connect" in text else "")
    return Failure(state, type(error).__name__, text)


def _is_transient(error: Exception) -> bool:
    return _failure(error).is_transient
