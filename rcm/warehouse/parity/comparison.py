"""Compares two tables row for row, and says where they first differ."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from rcm.warehouse.parity.engines import Built

SHOWN = 3
_SIDES = ("left_side", "right_side")
# An engine may keep an instant with its zone, UTC; and counts in integers of its own width.
_SAME_TYPES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "INTEGER": "BIGINT"}


@dataclass(frozen=True)
class Comparison:
    """One table as two engines built it.

    Args:
        table: Schema and name.
        rows: Of the first engine.
        hashes: Of the ordered rows of each engine; equal where, and only where, all rows are.
        differences: Lines for a reader; none where the tables are equal.
    """

    table: str
    rows: int
    hashes: tuple[str, str]
    differences: tuple[str, ...]


def compare(names: tuple[str, str], left: Built, right: Built) -> Iterator[Comparison]:
    """Compare what two engines built, in the order of the tables' names.

    Args:
        names: Of the engines.
        left: What the first built.
        right: What the second built.
    """
    for table in sorted(left.tables | right.tables):
        missing = next(
            (name for name, side in zip(names, (left, right), strict=True) if table not in side.tables), None
        )
        if missing:
            yield Comparison(table, 0, ("", ""), (f"{missing} has no such table",))
        else:
            yield compare_tables(table, names, left.rows(table), right.rows(table))


def compare_tables(table: str, names: tuple[str, str], left: pa.Table, right: pa.Table) -> Comparison:
    """Compare two tables; their order of rows and columns does not matter."""
    with closing(duckdb.connect()) as connection:
        connection.execute("set TimeZone = 'UTC'")
        types = [
            _types(connection, name, side)
            for name, side in zip(("left_side", "right_side"), (left, right), strict=True)
        ]
        if types[0] != types[1]:
            differing = sorted(set(types[0].items()) ^ set(types[1].items()))
            differences = tuple(
                f"{column}: {names[0]} has {types[0].get(column, 'no such column')},"
                f" {names[1]} {types[1].get(column, 'no such column')}"
                for column in dict.fromkeys(column for column, _ in differing)
            )
            return Comparison(table, left.num_rows, ("", ""), differences)
        columns = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in types[0].items())
        for side in _SIDES:
            connection.execute(f"create table {side}_rows as select {columns} from {side}")
        first, second = (_hash(connection, side) for side in _SIDES)
        differences = () if first == second else _first_differences(connection, names, left.column_names)
        return Comparison(table, left.num_rows, (first, second), differences)


def _types(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> dict[str, str]:
    connection.register(name, rows)
    described = connection.execute(f"describe {name}").fetchall()
    return {column: _SAME_TYPES.get(kind, kind) for column, kind, *_ in sorted(described)}


def _hash(connection: duckdb.DuckDBPyConnection, side: str) -> str:
    text = f"to_json({side}_rows)"
    found = connection.execute(
        f"select count(*) || ':' || md5(coalesce(string_agg({text}, chr(10) order by {text}), '')) from {side}_rows"
    ).fetchone()
    return str(found[0]) if found else ""


def _first_differences(
    connection: duckdb.DuckDBPyConnection, names: tuple[str, str], columns: list[str]
) -> tuple[str, ...]:
    """The first rows that only one side has; two of the same name are one row that differs in some columns."""
    key = _key(connection, columns)
    left, right = (_only_in(connection, *sides, columns, key) for sides in (_SIDES, _SIDES[::-1]))
    differences = []
    for value in sorted({*left, *right})[:SHOWN]:
        if value in left and value in right:
            values = [
                f"{column}: {names[0]} {left[value][column]!s}, {names[1]} {right[value][column]!s}"
                for column in columns
                if left[value][column] != right[value][column]
            ]
            differences.append(f"{value}: {'; '.join(values)}")
        else:
            differences.append(f"{value}: only in {names[0] if value in left else names[1]}")
    return tuple(differences)


def _key(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> list[str]:
    """The first column that is unique on both sides; all of them if none is."""
    for column in columns:
        repeated = " or ".join(f'(select count(distinct "{column}") < count(*) from {side}_rows)' for side in _SIDES)
        found = connection.execute(f"select {repeated}").fetchone()
        if found and not found[0]:
            return [column]
    return columns


def _only_in(
    connection: duckdb.DuckDBPyConnection, side: str, other: str, columns: list[str], key: list[str]
) -> dict[str, dict[str, object]]:
    """The first rows of a side that the other lacks, by what names them."""
    order = ", ".join(f'"{column}"' for column in key)
    listed = ", ".join(f'"{column}"' for column in columns)
    rows = connection.execute(
        f"select {listed} from (from {side}_rows except all from {other}_rows) order by {order} limit {SHOWN * 10}"
    ).fetchall()
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    return {", ".join(f"{column} {row[column]}" for column in key): row for row in records}
