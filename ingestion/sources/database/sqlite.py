"""SQLite files: control queries by the standard library, rows by ADBC."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.settings import shown_url
from ingestion.sources.database.dialects import Dialect, Parameter, SourceColumn, Sqlite

# Rows per Arrow batch: 21 columns of text are about 1.5 MB.
BATCH_ROWS = 4_096


class SqliteSource:
    """One file, opened read-only."""

    dialect: Dialect = Sqlite()

    def __init__(self, path: Path, control: sqlite3.Connection) -> None:
        self.shown = shown_url(f"sqlite:///{path}")
        self._path = path
        self._control = control

    def columns(self, source_object: str) -> list[SourceColumn]:
        """Columns of a table, none where there is no such table."""
        schema, _, name = f"main.{source_object}".rpartition(".")
        query = "select name from pragma_table_info(?, ?)"
        rows = self._control.execute(query, (name, schema.split(".")[-1])).fetchall()
        return [SourceColumn(column, "text") for (column,) in rows]

    def value(self, query: str, parameters: Sequence[Parameter] = ()) -> object:
        """The one value of a query."""
        [[found]] = self._control.execute(query, tuple(parameters)).fetchall()
        return found

    @contextmanager
    def batches(
        self, query: str, parameters: Sequence[Parameter], schema: pa.Schema
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Stream a query, every column as text."""
        # The driver takes each column's type from its first batch, where a column of nulls reads as integers and
        # fails at the first text after it. A first row of empty texts settles that; it is cut off again.
        texts = ", ".join("''" for _ in schema)
        with (
            adbc_driver_sqlite.dbapi.connect(_read_only(self._path)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            cursor.execute(f"select {texts} union all {query}", tuple(parameters) or None)
            with cursor.fetch_record_batch() as reader:
                yield (batch.slice(1) if index == 0 else batch for index, batch in enumerate(reader))


@contextmanager
def open_sqlite(url: str) -> Iterator[SqliteSource]:
    """Open ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.

    Raises:
        SourceUnavailableError: No such database, or it cannot be read.
    """
    path = Path(url.partition(":///")[2])
    if not url.startswith("sqlite:///") or not path.is_file():
        raise SourceUnavailableError(f"no database at {shown_url(url)}; correct the URL, or make one with rcm simulate")
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True)) as control:
            yield SqliteSource(path, control)
    except (sqlite3.Error, adbc_driver_manager.Error) as error:
        raise SourceUnavailableError(
            f"the database at {shown_url(url)} cannot be read ({type(error).__name__}); "
            "check that it is a SQLite database and not locked"
        ) from None


def _read_only(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro"
