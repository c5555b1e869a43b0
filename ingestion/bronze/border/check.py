"""The check of a batch in the commit path: every expectation of its contract in one scan of its Parquet file."""

import glob
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from ingestion.base.errors import BorderUnavailableError
from ingestion.bronze.border.expected import Expected, expected, judgeable
from ingestion.bronze.border.result import BorderFailure, BorderResult
from ingestion.bronze.part import literal, quoted
from ingestion.declared.specs import TableSpec

# A check runs beside the loads of other tables.
_LEAN: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "256MB",
    "autoload_known_extensions": False,
}


def check_batch(table: TableSpec, part: Path, rows: int, earlier_rows: Sequence[int], batch_id: str) -> BorderResult:
    """Judge one batch before its commit.

    Args:
        table: Its declaration.
        part: Parquet file of the batch: declared columns, and lineage columns whose names start with ``_``.
        rows: Rows that were written to it.
        earlier_rows: Rows of the last batches of the same load type, the newest first.
        batch_id: Name of the batch, for errors.

    Raises:
        BorderUnavailableError: The file or an expectation cannot be evaluated; do not commit then.
    """
    begun = time.monotonic()
    source = f"read_parquet({literal(glob.escape(str(part)))})"
    try:
        with duckdb.connect(":memory:", config=_LEAN) as engine:
            described = engine.execute(f"describe from {source}").fetchall()
            held = {name: kind for name, kind, *_ in described if not name.startswith("_")}
            expectations = judgeable(expected(table, rows, earlier_rows), held)
            for expectation in expectations:
                _require_evaluable(engine, expectation, held, batch_id)
            failing = ", ".join(_failing_rows(expectation, held) for expectation in expectations)
            [(held_rows, *counts)] = engine.execute(f"select count(*), {failing} from {source}").fetchall()
    except duckdb.Error as error:
        # The engine's own text may quote values.
        raise BorderUnavailableError(
            f"batch {batch_id}: its file cannot be checked ({type(error).__name__}); "
            "look for a failing disk or too little memory, then run again"
        ) from None
    failures = [
        BorderFailure.of(expectation, count)
        for expectation, count in zip(expectations, counts, strict=True)
        if not _is_met(expectation, held, held_rows, count)
    ]
    return BorderResult(len(expectations), tuple(failures), round(time.monotonic() - begun, 3))


def _failing_rows(expectation: Expected, held: Mapping[str, str]) -> str:
    """SQL that counts the rows at fault; null where no row is, for the file as a whole is judged."""
    if expectation.check == "required":
        return f"count(*) filter ({quoted(expectation.arguments['column'])} is null)"
    if expectation.check == "allowed":
        name, values = expectation.arguments["column"], expectation.arguments["value_set"]
        allowed = ", ".join(f"cast({literal(value)} as {held[name]})" for value in values)
        return f"count(*) filter ({quoted(name)} not in ({allowed}))"
    return "null"


def _require_evaluable(
    engine: duckdb.DuckDBPyConnection, expectation: Expected, held: Mapping[str, str], batch_id: str
) -> None:
    """Refuse allowed values that are none of their column's type."""
    if expectation.check != "allowed":
        return
    kind, values = held[expectation.arguments["column"]], expectation.arguments["value_set"]
    unfit = engine.execute(f"select 1 from unnest($1) as given(text) where try_cast(text as {kind}) is null", [values])
    if unfit.fetchone() is not None:
        raise BorderUnavailableError(
            f"batch {batch_id}: {expectation.type} of {expectation.column} was not evaluated; "
            "its allowed values must be of its type"
        )


def _is_met(expectation: Expected, held: Mapping[str, str], rows: int, failing: int | None) -> bool:
    if failing is not None:
        return failing == 0
    if expectation.check == "row_count":
        return expectation.admits(rows)
    if expectation.column is None:
        return expectation.admits(len(held))
    if expectation.check == "types":
        return bool(held[expectation.column] == expectation.arguments["type_"])
    return expectation.column in held
