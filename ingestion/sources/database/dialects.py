"""SQL of each database engine; everything else about databases is shared."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import pyarrow as pa

from ingestion.declared.arrow_types import UNREADABLE
from ingestion.declared.watermark import shortest_text

# Kind of value in a source column; a moment without a zone shows the clock of the table's dialect.
ColumnKind = Literal["text", "integer", "decimal", "float", "boolean", "date", "moment", "zoned", "other"]
Parameter = str | int

# Types that a description hides, by the name that the server gives them.
DESCRIBED_KINDS: dict[str, ColumnKind] = {"timestamp with time zone": "zoned", "boolean": "boolean", "uuid": "other"}
TIME_KINDS: tuple[ColumnKind, ...] = ("date", "moment", "zoned")
# Longest text of a number, a date or a moment; a number with more digits fits no declared type.
SHORT_TEXT = 100
# Longest text of a value that is read, in characters or bytes; no column of this model holds a document.
LONGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class SourceColumn:
    """A column as the database describes it.

    Args:
        name: As the database writes it, capitals included.
        precision: Digits of a decimal.
        scale: Of those, digits behind the point.
    """

    name: str
    kind: ColumnKind
    precision: int = 38
    scale: int = 0


@dataclass(frozen=True)
class Predicate:
    """A condition with its bound parameters."""

    sql: str
    parameters: tuple[Parameter, ...] = ()


class Dialect(Protocol):
    """SQL text of one engine: values are bound, never written into it."""

    # Query of one text: the moment in UTC by the database's own clock.
    clock: str
    # Kinds that sort as a watermark beside integers and moments.
    sortable_kinds: tuple[ColumnKind, ...]
    # Second statement that returns how many rows the first one had; empty where the driver reports a broken result.
    end_marker: str

    def quoted(self, name: str) -> str:
        """An identifier that can hold any character."""

    def type_probe(self, source_object: str, names: list[str]) -> str | None:
        """Query of one row with the type of each column, or None where the driver describes them well."""

    def read_as(self, column: SourceColumn, data_type: str) -> tuple[str, pa.DataType]:
        """Expression that reads a column for its declared type without loss, and the Arrow type it arrives in."""

    def missing(self, column: SourceColumn) -> str:
        """Condition that a row has no watermark."""

    def newest(self, column: SourceColumn) -> str:
        """Expression of the greatest watermark, as text that loses no digit."""

    def compared(self, column: SourceColumn, operator: str, value: Parameter) -> Predicate:
        """Condition on a watermark column that an index on it can serve."""

    def until(self, column: SourceColumn, value: Parameter) -> Predicate:
        """Condition that a watermark is this value or an earlier one, however the source writes it."""


def object_name(dialect: Dialect, source_object: str) -> str:
    """``schema.table`` with each part quoted."""
    return ".".join(dialect.quoted(part) for part in source_object.split("."))


class Sqlite:
    """SQLite keeps a value in any column: all are read as text, and moments sort as text."""

    sortable_kinds: tuple[ColumnKind, ...] = ("text",)
    end_marker = ""
    clock = "select strftime('%Y-%m-%d %H:%M:%f', 'now')"

    def quoted(self, name: str) -> str:
        """In double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def type_probe(self, source_object: str, names: list[str]) -> str | None:
        """Nothing to ask."""
        return None

    def read_as(self, column: SourceColumn, data_type: str) -> tuple[str, pa.DataType]:
        """Text; of one that is too long its first characters, so that one value does not fill the memory."""
        text = f"cast({self.quoted(column.name)} as text)"
        cut = f"'{UNREADABLE} too long: ' || substr({text}, 1, {SHORT_TEXT})"
        return f"case when length({self.quoted(column.name)}) > {LONGEST_TEXT} then {cut} else {text} end", pa.string()

    def missing(self, column: SourceColumn) -> str:
        """A text may be blank, which is no moment either."""
        return f"nullif(trim({self.quoted(column.name)}), '') is null"

    def newest(self, column: SourceColumn) -> str:
        """The text itself."""
        return f"cast(max({self.quoted(column.name)}) as text)"

    def compared(self, column: SourceColumn, operator: str, value: Parameter) -> Predicate:
        """A text with texts, an integer with integers: a text would sort after every number."""
        return Predicate(f"{self.quoted(column.name)} {operator} ?", (value,))

    def until(self, column: SourceColumn, value: Parameter) -> Predicate:
        """Before the next microsecond, so that 2024-01-31T00:00:00 is no later than 2024-01-31."""
        if isinstance(value, int):
            return self.compared(column, "<=", value)
        moment, text = datetime.fromisoformat(value), f"replace({self.quoted(column.name)}, 'T', ' ')"
        try:
            after = moment + timedelta(microseconds=1)
        except OverflowError:
            # The latest possible moment has none after it.
            return Predicate(f"{text} <= ?", (shortest_text(moment),))
        return Predicate(f"{text} < ?", (shortest_text(after),))


class _Odbc(ABC):
    """What the engines behind ODBC share: typed columns, compared in their own type."""

    quotes = ('"', '"')
    sortable_kinds: tuple[ColumnKind, ...] = ()
    end_marker = ""
    # What makes a text in UTC an instant, where a text without zone is not taken as one.
    utc_suffix = ""
    # Type that a bound is cast to, by the kind of the watermark column.
    bound_types: dict[ColumnKind, str]

    def quoted(self, name: str) -> str:
        first, last = self.quotes
        return first + name.replace(last, last * 2) + last

    def missing(self, column: SourceColumn) -> str:
        return f"{self.quoted(column.name)} is null"

    def read_as(self, column: SourceColumn, data_type: str) -> tuple[str, pa.DataType]:
        sql = self.quoted(column.name)
        wanted = data_type.partition("(")[0]
        if wanted in ("date", "timestamp") and column.kind in ("moment", "zoned"):
            return self._utc(column), pa.timestamp("us")
        natives: dict[tuple[str, ColumnKind], pa.DataType] = {
            ("string", "text"): pa.string(),
            ("bigint", "integer"): pa.int64(),
            ("decimal", "integer"): pa.int64(),
            ("boolean", "boolean"): pa.bool_(),
            ("date", "date"): pa.date32(),
            ("timestamp", "date"): pa.date32(),
        }
        native = natives.get((wanted, column.kind))
        if native is None and wanted == "decimal" and column.kind == "decimal":
            native = self._decimal(column)
        return (sql, native) if native is not None else (self._text(column), pa.string())

    def compared(self, column: SourceColumn, operator: str, value: Parameter) -> Predicate:
        text = f"{value}{self.utc_suffix}" if column.kind == "zoned" else str(value)
        bound = self._bound(text)
        compared = f"{self.quoted(column.name)} {operator} cast({bound.sql} as {self.bound_types[column.kind]})"
        return Predicate(compared, bound.parameters)

    def until(self, column: SourceColumn, value: Parameter) -> Predicate:
        return self.compared(column, "<=", value)

    def _bound(self, text: str) -> Predicate:
        return Predicate("?", (text,))

    @abstractmethod
    def _utc(self, column: SourceColumn) -> str: ...

    @abstractmethod
    def _text(self, column: SourceColumn) -> str: ...

    @abstractmethod
    def _decimal(self, column: SourceColumn) -> pa.DataType | None: ...


class Postgres(_Odbc):
    """PostgreSQL by psqlodbc."""

    utc_suffix = "+00:00"
    clock = "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    bound_types = {  # noqa: RUF012 - read only
        "date": "date",
        "moment": "timestamp",
        "zoned": "timestamptz",
        "integer": "bigint",
        "decimal": "numeric",
    }

    def type_probe(self, source_object: str, names: list[str]) -> str | None:
        """The driver describes timestamptz as timestamp, boolean and uuid as text; the server needs no row to tell."""
        types = ", ".join(f"cast(pg_typeof(held.{self.quoted(name)}) as text)" for name in names)
        return f"select {types} from (select 1) as one left join {object_name(self, source_object)} as held on false"

    def newest(self, column: SourceColumn) -> str:
        """Microseconds in UTC."""
        if column.kind not in ("moment", "zoned"):
            return f"cast(max({self.quoted(column.name)}) as text)"
        newest = f"max({self.quoted(column.name)})"
        return f"to_char({newest}{self._shift(column)}, 'YYYY-MM-DD HH24:MI:SS.US')"

    def _utc(self, column: SourceColumn) -> str:
        return self.quoted(column.name) + self._shift(column)

    def _shift(self, column: SourceColumn) -> str:
        return " at time zone 'UTC'" if column.kind == "zoned" else ""

    def _text(self, column: SourceColumn) -> str:
        length = "text" if column.kind in ("text", "other") else f"varchar({SHORT_TEXT})"
        return f"cast({self._utc(column)} as {length})"

    def _decimal(self, column: SourceColumn) -> pa.DataType | None:
        # The driver describes numeric without digits as numeric(28,6), which would round it.
        return None


class PostgresByCopy(Postgres):
    """PostgreSQL whose rows are streamed by COPY, which takes no parameters: bounds are literals."""

    def read_as(self, column: SourceColumn, data_type: str) -> tuple[str, pa.DataType]:
        """As by any driver; of a text that is too long its first characters, for it has no buffer of fixed length."""
        sql, kind = super().read_as(column, data_type)
        if kind != pa.string() or column.kind not in ("text", "other"):
            return sql, kind
        cut = f"E'\\x1a{UNREADABLE[1:]} too long: ' || left({sql}, {SHORT_TEXT})"
        return f"case when octet_length({sql}) > {LONGEST_TEXT} then {cut} else {sql} end", kind

    def type_probe(self, source_object: str, names: list[str]) -> str | None:
        """The driver describes every type as it is."""
        return None

    def _bound(self, text: str) -> Predicate:
        # In such a literal an escape means the same whatever the server's settings.
        escaped = text.replace("\\", "\\\\").replace("'", "''")
        return Predicate(f"E'{escaped}'")


class SqlServer(_Odbc):
    """SQL Server and Azure SQL by Microsoft's driver."""

    quotes = ("[", "]")
    # Fetched in blocks, Microsoft's driver reports a connection that broke off as the end of the rows.
    end_marker = "; select rowcount_big() as [rows]"
    clock = "select convert(varchar(33), sysutcdatetime(), 121)"
    # datetime counts in 300ths of a second: it is compared and shown as the datetime2(7) the server takes it for.
    bound_types = {  # noqa: RUF012 - read only
        "date": "date",
        "moment": "datetime2(7)",
        "zoned": "datetimeoffset(7)",
        "integer": "bigint",
        "decimal": "decimal(38, 0)",
    }

    def type_probe(self, source_object: str, names: list[str]) -> str | None:
        """The driver describes every type as it is."""
        return None

    def newest(self, column: SourceColumn) -> str:
        """All seven digits in UTC; style 121 is ISO 8601 whatever the login's language."""
        newest = f"max({self.quoted(column.name)})"
        if column.kind in ("integer", "decimal"):
            return f"convert(varchar(40), {newest})"
        if column.kind == "date":
            return f"convert(varchar(33), {newest}, 23)"
        moment = f"switchoffset({newest}, '+00:00')" if column.kind == "zoned" else newest
        return f"convert(varchar(33), cast({moment} as datetime2(7)), 121)"

    def _utc(self, column: SourceColumn) -> str:
        name = self.quoted(column.name)
        moment = f"switchoffset({name}, '+00:00')" if column.kind == "zoned" else name
        return f"cast({moment} as datetime2(6))"

    def _text(self, column: SourceColumn) -> str:
        name = self.quoted(column.name)
        if column.kind in ("float", "decimal"):
            # Style 2: all digits of a float (style 0 has six) and all four decimals of money (style 0 has two).
            return f"convert(varchar({SHORT_TEXT}), {name}, 2)"
        if column.kind in TIME_KINDS:
            return f"convert(varchar({SHORT_TEXT}), {name if column.kind == 'date' else self._utc(column)}, 121)"
        return f"cast({name} as nvarchar(max))"

    def _decimal(self, column: SourceColumn) -> pa.DataType | None:
        return pa.decimal128(column.precision, column.scale)
