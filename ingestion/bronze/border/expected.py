"""What a table's contract expects of a batch, in the vocabulary of Great Expectations.

The commit path evaluates the expectations as SQL; the Data Docs evaluate the same ones with Great Expectations.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any, Literal

from ingestion.declared.specs import BorderSeverity, ColumnSpec, TableSpec

Check = Literal["columns", "types", "required", "allowed", "row_count"]

# The band needs a habit to compare with; two batches are the least from which a median says anything.
BATCHES_BEFORE_BAND = 2

_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "bigint": "BIGINT",
}


@dataclass(frozen=True)
class Expected:
    """One expectation of a batch.

    Args:
        check: Part of the contract it belongs to.
        severity: What its failure does to the batch.
        type: Name of the expectation.
        arguments: Its arguments; they come from the declaration, never from data.
        column: Column it judges, None for the table.
        failure: Message of its failure, one line; the count of failing rows is appended.
    """

    check: Check
    severity: BorderSeverity
    type: str
    failure: str
    column: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    def admits(self, count: int) -> bool:
        """Whether an expectation of a number of rows or columns is met."""
        exact = self.arguments.get("value", count)
        least, most = self.arguments.get("min_value", count), self.arguments.get("max_value", count)
        return bool(count == exact and least <= count <= most)


def expected(table: TableSpec, rows: int, earlier_rows: Sequence[int]) -> list[Expected]:
    """Everything that a table's declaration expects of a batch.

    Args:
        table: Its declaration.
        rows: Rows that were written to the batch's file.
        earlier_rows: Rows of the last batches of the same load type; fewer than two leave the band out.
    """
    return [
        *_of_columns(table),
        *(expectation for column in table.columns for expectation in _of_values(table, column)),
        *_of_row_count(table, rows, earlier_rows),
    ]


def judgeable(expectations: Iterable[Expected], held: Mapping[str, str]) -> list[Expected]:
    """Expectations that a batch can be judged by: types where the column exists, values where its type is right.

    Args:
        expectations: Everything that is expected.
        held: DuckDB type of each column of the batch, lineage columns left out.
    """
    expectations = list(expectations)
    typed = {
        found.column
        for found in expectations
        if found.check == "types" and held.get(found.arguments["column"]) == found.arguments["type_"]
    }
    judged = {"types": held.keys(), "required": typed, "allowed": typed}
    return [found for found in expectations if found.check not in judged or found.column in judged[found.check]]


def _of_columns(table: TableSpec) -> Iterator[Expected]:
    for column in table.columns:
        yield Expected(
            "columns",
            "reject",
            "expect_column_to_exist",
            f"column {column.name} is declared and missing",
            column.name,
            {"column": column.name},
        )
        yield Expected(
            "types",
            "reject",
            "expect_column_type_to_be",
            f"column {column.name} is no {column.data_type}",
            column.name,
            {"column": column.name, "type_": _duckdb_type(column.data_type)},
        )
    # Columns that are not declared are landed under evolve only.
    evolves = table.contract.columns == "evolve"
    count = len(table.columns)
    yield Expected(
        "columns",
        "reject",
        "expect_table_column_count_to_be_between" if evolves else "expect_table_column_count_to_equal",
        f"holds other columns than the {count} declared ones",
        arguments={"min_value": count} if evolves else {"value": count},
    )


def _of_values(table: TableSpec, column: ColumnSpec) -> Iterator[Expected]:
    if column.required:
        yield Expected(
            "required",
            table.contract.severity_of("required"),
            "expect_column_values_to_not_be_null",
            f"column {column.name} is required and empty",
            column.name,
            {"column": column.name},
        )
    if column.allowed:
        yield Expected(
            "allowed",
            table.contract.severity_of("allowed"),
            "expect_column_values_to_be_in_set",
            f"column {column.name} holds a value that is not allowed",
            column.name,
            {"column": column.name, "value_set": list(column.allowed)},
        )


def _of_row_count(table: TableSpec, rows: int, earlier_rows: Sequence[int]) -> Iterator[Expected]:
    yield Expected(
        "row_count",
        "reject",
        "expect_table_row_count_to_equal",
        f"its file does not hold the {rows} rows that were written",
        arguments={"value": rows},
    )
    band = table.contract.row_count
    if band is None or len(earlier_rows) < BATCHES_BEFORE_BAND:
        return
    usual = Decimal(str(median(earlier_rows)))
    bounds = {"min_value": math.ceil(usual * Decimal(str(band.min)))}
    text = f"at least {bounds['min_value']}"
    if band.max is not None:
        bounds["max_value"] = math.floor(usual * Decimal(str(band.max)))
        text = f"{bounds['min_value']} to {bounds['max_value']}"
    yield Expected(
        "row_count",
        table.contract.severity_of("row_count"),
        "expect_table_row_count_to_be_between",
        f"holds {rows} rows, the last {len(earlier_rows)} batches suggest {text}",
        arguments=bounds,
    )


def _duckdb_type(data_type: str) -> str:
    return _DUCKDB_TYPES.get(data_type) or data_type.upper()
