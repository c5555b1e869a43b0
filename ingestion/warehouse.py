"""Reading the embedded warehouse."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from ingestion.errors import IngestionError, WarehouseBusyError


def warehouse_rows(warehouse: Path, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    """Rows of a query, none where the warehouse does not have the table yet.

    Args:
        warehouse: The DuckDB file.
        query: SQL over silver, history and gold; bronze takes an extension that is not loaded here.
        values: Its named parameters.

    Raises:
        WarehouseBusyError: Another process writes to the file.
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
        if "lock" in str(error):
            raise WarehouseBusyError(f"{warehouse.name} is being built; its numbers show when that is done") from None
        raise IngestionError(f"{warehouse.name} cannot be opened as a warehouse; restore it, or rcm replay") from None
