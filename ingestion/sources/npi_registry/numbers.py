"""The NPIs to ask the registry for: those of the providers that hospitals have in bronze."""

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.base.errors import SchemaDriftError
from ingestion.base.settings import Settings
from ingestion.bronze import BronzeTable
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec

# An NPI's check digit is Luhn's over the number with the prefix of United States health identifiers.
_PREFIX_SUM = 24


def numbers_to_ask(settings: Settings, systems: Sequence[SystemSpec], table: TableSpec, *, full: bool) -> list[str]:
    """Valid NPIs of every system's providers: all of them, or those that the registry's table does not hold yet."""
    held = _column_values(bronze_table(settings, table), "npi")
    wanted: set[str] = set()
    for system in systems:
        for providers in system.tables:
            expression = providers.column_map.get("npi")
            if providers.name == "providers" and expression is not None:
                wanted.update(valid_numbers(_column_values(bronze_table(settings, providers), expression)))
    return sorted(wanted if full else wanted.difference(held.to_pylist()))


def valid_numbers(candidates: pa.Array) -> list[str]:
    """Candidates (text) of ten digits, the first 1 or 2, whose check digit fits; sorted, each once."""
    shaped = pc.match_substring_regex(candidates, "^[12][0-9]{9}$")
    distinct = pc.unique(candidates.filter(shaped)).to_pylist()
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
