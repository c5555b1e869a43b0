"""Atomic writes of databases, files and JSON: everything is written to a temporary file and then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.csv

_DECIMAL_COLUMNS = frozenset({"Amount", "PaidAmount"})


def write_database(path: Path, tables: Mapping[str, pa.Table]) -> None:
    """Write a SQLite database of the given tables; readers of the old file keep seeing the old state.

    Money becomes DECIMAL(18,2), everything else TEXT. There are no keys, as in the extracts this stands for: planted
    duplicates must fit in.
    """
    temporary = _beside(path)
    temporary.unlink(missing_ok=True)
    with adbc_driver_sqlite.dbapi.connect(str(temporary)) as connection:
        with connection.cursor() as cursor:
            for name, table in tables.items():
                columns = ", ".join(
                    f'"{column}" {"DECIMAL(18,2)" if column in _DECIMAL_COLUMNS else "TEXT"}'
                    for column in table.column_names
                )
                cursor.execute(f'CREATE TABLE "{name}" ({columns})')
                cursor.adbc_ingest(name, table, mode="append")
        connection.commit()
    _into_place(temporary, path)


def write_csv(path: Path, table: pa.Table) -> None:
    """Write a text table as CSV without quotes; null becomes empty. Its values hold no commas or quotes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    options = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
    pyarrow.csv.write_csv(table, str(temporary), options)
    _into_place(temporary, path)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON; a file with the same content is not touched."""
    text = json.dumps(content, indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    temporary = _beside(path)
    temporary.write_text(text, encoding="utf-8")
    _into_place(temporary, path)


def _beside(path: Path) -> Path:
    # The suffix excludes incomplete files from every file pattern of the landing folder.
    return path.with_name(f".{path.name}.tmp")


def _into_place(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(path)
