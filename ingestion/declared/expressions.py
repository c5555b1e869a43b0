"""Binds the SQL of a declaration before any row is read: a misspelt column is a line in the plan, not a failed build.

The expressions of a map are bound by DuckDB against an empty table with the declared columns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import duckdb

from ingestion.declared.problems import advice
from ingestion.declared.specs import TableSpec

# The engine that binds; other engines have functions that it does not know.
ENGINE = "duckdb"
# What every bronze row carries beside the declared columns, and a map may use.
LINEAGE = {
    "_batch_id": "string",
    "_row_number": "bigint",
    "_load_type": "string",
    "_ingested_at": "timestamp",
    "_source_file": "string",
    "_row_hash": "string",
}
_MISSING_COLUMN = re.compile(r'(?:Referenced (?:column|table)|does not have a column named) "(?P<name>[^"]*)"')
_MISSING_FUNCTION = re.compile(r"Function with name \"?(?P<name>\w+)\"? does not exist")
_SUGGESTED = re.compile(r'Did you mean "(?P<name>[^"]+)"')
_UNEXPECTED = re.compile(r'at or near "(?P<text>[^"]*)"')
# What an engine says of a value that an expression cannot read.
_UNREAD = ("Conversion Error", "Out of Range Error", "Invalid Input Error")
_ODD_TEXTS = ("?", "", "-0.5", "2024-02-30")
_LONGEST_REASON = 120


class Binder:
    """Binds expressions; holds an empty database in memory until it is closed.

    Args:
        types: Type of each column of the common data model by entity; what an expression gives is read as that.
        target: Engine that builds. Of another one than DuckDB only unknown columns are reported: its functions and
            syntax are its own.
    """

    def __init__(self, types: Mapping[str, Mapping[str, str]], target: str = ENGINE) -> None:
        self._types = types
        self._target = target
        self._engine = duckdb.connect(":memory:")

    def __enter__(self) -> "Binder":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def problems(self, table: TableSpec) -> Iterator[str]:
        """What a table's map and values ask of its columns in vain, each ``key: what is wrong; what to do``."""
        for column in table.columns:
            for value in column.allowed:
                # The values stand in a condition: one that is none of the type would fail the build of every source.
                if self._error(f"select cast({_literal(value)} as {column.data_type})"):
                    yield f"columns.{column.name}.allowed: '{value}' is no {column.data_type}; correct one of the two"
        self._declare(table)
        # Jinja is dbt's to read.
        mapped = {name: text for name, text in table.column_map.items() if "{{" not in text and "{%" not in text}
        if not mapped or self._error(self._query(table, mapped)) is None:
            return
        for name, text in mapped.items():
            error = self._error(self._query(table, {name: text}))
            problem = None if error is None else self._problem(table, text, error)
            if problem is not None:
                yield f"map.{name}: {problem}"

    def reads_only(self, expression: str, columns: Iterable[str]) -> bool:
        """Whether an expression needs no other column than these."""
        self._create({name: LINEAGE[name] for name in columns})
        return self._error(f"select cast({expression} as varchar) from declared") is None

    def value(self, expression: str, row: Mapping[str, str]) -> str | None:
        """What an expression gives for one row of texts, None where it gives nothing or fails."""
        columns = ", ".join(f"{_literal(text)} as {_quoted(name)}" for name, text in row.items())
        with suppress(duckdb.Error):
            found = self._engine.execute(f"select cast({expression} as varchar) from (select {columns})").fetchone()
            return None if found is None or not found[0] else str(found[0])
        return None

    def _declare(self, table: TableSpec) -> None:
        self._create({column.name: column.data_type for column in table.columns} | LINEAGE)

    def _create(self, columns: Mapping[str, str]) -> None:
        typed = ", ".join(f"{_quoted(name)} {data_type}" for name, data_type in columns.items())
        self._engine.execute(f"create or replace temp table declared ({typed})")
        # Rows such as a source may send one day: a map that fails at one of them fails for every source.
        for text in _ODD_TEXTS:
            row = (_literal(text) if data_type == "string" else _odd(data_type) for data_type in columns.values())
            self._engine.execute(f"insert into declared values ({', '.join(row)})")
        self._engine.execute(f"insert into declared values ({', '.join('null' for _ in columns)})")

    def _query(self, table: TableSpec, expressions: Mapping[str, str]) -> str:
        types = self._types.get(table.name, {})
        typed = [f"try_cast({text} as {types.get(name, 'varchar')})" for name, text in expressions.items()]
        # In a condition, because a map has no place for aggregates, windows and what makes several rows of one.
        conditions = [f"cast({text} as varchar) is not null" for text in expressions.values()]
        return f"select {', '.join(typed)} from declared where {' or '.join(conditions)}"

    def _error(self, query: str) -> str | None:
        try:
            self._engine.execute(query).fetchall()
        except duckdb.Error as error:
            return str(error)
        return None

    def _problem(self, table: TableSpec, text: str, error: str) -> str | None:
        where = "" if text.strip().isidentifier() else f"{' '.join(text.split())}: "
        if missing := _MISSING_COLUMN.search(error):
            name = missing["name"]
            return f"{where}{name} is no declared column; {advice(name, table.column_names)}"
        if self._target != ENGINE:
            return None
        if function := _MISSING_FUNCTION.search(error):
            near = _SUGGESTED.search(error)
            meant = f"did you mean {near['name']}?" if near else "correct its name"
            return f"{where}there is no function {function['name']}; {meant}"
        if error.startswith("Parser Error"):
            near = _UNEXPECTED.search(error)
            at = f" near {near['text']}" if near and near["text"] else ""
            return f"{where}is no SQL expression (syntax error{at}); quote names with blanks: '\"First Name\"'"
        if error.startswith(_UNREAD):
            return f"{where}fails at a value that it cannot read, which would stop every build; try_cast does not"
        reason = error.partition("\n")[0].partition(": ")[2]
        return f"{where}does not fit its columns ({reason[:_LONGEST_REASON]}); correct it or the declared types"


def _odd(data_type: str) -> str:
    """A value that is rare: zero, false, an early day."""
    return {"date": "date '0001-01-01'", "timestamp": "timestamp '0001-01-01'", "boolean": "false"}.get(data_type, "0")


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
