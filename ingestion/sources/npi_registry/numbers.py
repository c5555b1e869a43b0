"""The NPIs to ask the registry for: those of the providers that hospitals have in bronze, and what it said of them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.base.errors import SchemaDriftError
from ingestion.base.settings import Settings
from ingestion.bronze import BronzeTable
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec

# As macros/staging/keys.sql cleans a key: white space of Unicode, marks without width, and what a spreadsheet puts
# around a text (="...").
_NOT_OF_THE_NUMBER = r'[\s\x{85}\p{Z}\x{ad}\x{180e}\x{200b}-\x{200f}\x{2060}\x{feff}="\']'
# An NPI's check digit is Luhn's over the number with the prefix of United States health identifiers.
_PREFIX_SUM = 24


class Known(NamedTuple):
    """What bronze holds of a number, by its newest row.

    Args:
        is_active: Whether the registry had it as active.
        updated: Day from which that holds.
        asked: Day on which the registry was asked, or the row was loaded.
    """

    is_active: bool
    updated: date | None
    asked: date


def known_numbers(settings: Settings, table: TableSpec) -> dict[str, Known]:
    """The numbers that the registry's table holds, none before its first batch."""
    delta = bronze_table(settings, table).open()
    if delta is None:
        return {}
    held = {field.name for field in delta.schema().fields}
    # A table from before the column: its rows were asked for on the day of their load.
    names = [name for name in ("npi", "status", "last_updated_date", "asked_date") if name in held]
    asked = "coalesce(asked_date, _ingested_at::date)" if "asked_date" in held else "_ingested_at::date"
    with duckdb.connect(":memory:") as engine:
        columns = [*names, "_batch_id", "_row_number", "_ingested_at"]
        engine.register("held", pa.RecordBatchReader.from_stream(delta.scan(columns)))
        rows = engine.execute(
            f"""
            select npi, coalesce(status = 'A', false), last_updated_date, max({asked}) over (partition by npi)
            from held
            qualify row_number() over (partition by npi order by _batch_id desc, _row_number desc) = 1
            """
        ).fetchall()
    return {npi: Known(*of_number) for npi, *of_number in rows}


def numbers_to_ask(
    settings: Settings, systems: Sequence[SystemSpec], known: Mapping[str, Known], due: date | None
) -> list[str]:
    """Valid NPIs of every system's providers: all of them, or those that were not asked for since a day.

    Args:
        settings: Where bronze is.
        systems: The control table.
        known: What the registry's table holds.
        due: Numbers that were asked for later are left out; None asks for all.
    """
    wanted: set[str] = set()
    for system in systems:
        for providers in system.tables:
            expression = providers.column_map.get("npi")
            if providers.name == "providers" and expression is not None:
                wanted.update(valid_numbers(_column_values(bronze_table(settings, providers), expression)))
    return sorted(number for number in wanted if due is None or number not in known or known[number].asked <= due)


def valid_numbers(candidates: pa.Array) -> list[str]:
    """Candidates (text) of ten digits, the first 1 or 2, whose check digit fits; sorted, each once.

    White space around a number, and the ``="..."`` of a spreadsheet, are no part of it.
    """
    around = f"^{_NOT_OF_THE_NUMBER}+|{_NOT_OF_THE_NUMBER}+$"
    cleaned = pc.replace_substring_regex(candidates, around, "")
    shaped = pc.match_substring_regex(cleaned, "^[12][0-9]{9}$")
    distinct = pc.unique(cleaned.filter(shaped)).to_pylist()
    if not distinct:
        return []
    digits = np.array(sorted(distinct), dtype="S10").view("S1").reshape(-1, 10).astype(np.int64)
    doubled = digits[:, 0:9:2] * 2
    total = _PREFIX_SUM + (doubled // 10 + doubled % 10).sum(axis=1) + digits[:, 1::2].sum(axis=1)
    return [number for number, valid in zip(sorted(distinct), total % 10 == 0, strict=True) if valid]


def _column_values(bronze: BronzeTable, expression: str) -> pa.Array:
    """Distinct values of one column, or of one SQL expression of the control table's map, as text."""
    delta = bronze.open()
    if delta is None:
        return pa.array([], pa.string())
    with duckdb.connect(":memory:") as engine:
        engine.register("held", pa.RecordBatchReader.from_stream(delta.scan(list(bronze.table.column_names))))
        try:
            values = engine.execute(f"select distinct cast(({expression}) as varchar) as value from held")
            return pa.table(values.to_arrow_table()).column("value").combine_chunks()
        except duckdb.Error:
            raise SchemaDriftError(
                f"map.npi of {bronze.table.label} is no column or SQL expression over its columns; correct it"
            ) from None
