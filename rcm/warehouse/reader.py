"""Reading the embedded warehouse."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from ingestion.base.errors import IngestionError, WarehouseBusyError
from rcm.warehouse.holders import holder_of

# DuckDB's messages for a file that another process holds: on Unix its lock, on Windows the open file.
_TAKEN = ("Could not set lock", "Conflicting lock", "already open", "being used by another process")


def warehouse_rows(warehouse: Path, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    """Rows of a query, none where the warehouse does not have the table yet.

    Args:
        warehouse: The DuckDB file.
        query: SQL over silver, history and gold; bronze takes an extension that is not loaded here.
        values: Its named parameters.

    Raises:
        WarehouseBusyError: Another process writes to the file; names it.
        IngestionError: The file is no warehouse.
    """
    if not warehouse.is_file():
        return []
    try:
        with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
            return connection.execute(query, dict(values or {})).fetchall()
    except duckdb.CatalogException:
        return []
    except duckdb.IOException as error:
        if is_taken(str(error)):
            raise busy(warehouse, str(error), "run it again when that is done") from None
        raise IngestionError(f"{warehouse.name} cannot be opened as a warehouse; restore it, or rcm replay") from None


def is_taken(message: str) -> bool:
    """Whether DuckDB says that another process holds a file."""
    return any(sign in message for sign in _TAKEN)


def busy(warehouse: Path, message: str, remedy: str) -> WarehouseBusyError:
    """The error of a warehouse that another process holds.

    Args:
        warehouse: The DuckDB file.
        message: What DuckDB says, which names the process.
        remedy: What to do.
    """
    return WarehouseBusyError(f"{held(warehouse, message)}; {remedy}")


def held(warehouse: Path, message: str) -> str:
    """Who holds the warehouse, as text; DuckDB gives a file to one writer, or to any number of readers."""
    holder = holder_of(warehouse, message)
    return f"{warehouse.name} is held by {holder or 'another process'}"
