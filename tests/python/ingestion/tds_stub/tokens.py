"""Tokens of a TDS answer: what the server says, as bytes."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

COLLATION = bytes((0x09, 0x04, 0xD0, 0x00, 0x34))
_EPOCH = date(1, 1, 1).toordinal()
_NULL_TEXT = b"\xff\xff"
_NULL_PLP = b"\xff" * 8


@dataclass(frozen=True)
class Column:
    """TYPE_INFO of a column, and how its values are written."""

    type_info: bytes
    encode: Callable[[Any], bytes]


def login_acknowledged(database: str) -> bytes:
    """What follows a login: database, collation, version and packet size."""
    acknowledgement = struct.pack(">BI", 1, 0x74000004) + _short_text("Microsoft SQL Server") + bytes((16, 0, 0x10, 0))
    return b"".join(
        (
            _environment(1, _short_text(database) + _short_text("master")),
            _environment(7, bytes((len(COLLATION),)) + COLLATION + b"\0"),
            _environment(2, _short_text("us_english") + _short_text("")),
            _sized(0xAD, acknowledgement),
            _environment(4, _short_text("4096") + _short_text("4096")),
            done(),
        )
    )


def error(number: int, text: str, *, severity: int = 14) -> bytes:
    """An ERROR token."""
    long_text = struct.pack("<H", len(text)) + text.encode("utf-16-le")
    content = struct.pack("<IBB", number, 1, severity) + long_text + _short_text("stub") + _short_text("")
    return _sized(0xAA, content + struct.pack("<I", 1))


def done(*, rows: int | None = None, failed: bool = False, kind: int = 0xFD, more: bool = False) -> bytes:
    """DONE; kind 0xFE ends a procedure, 0xFF a statement inside one."""
    status = (0x10 if rows is not None else 0) | (0x02 if failed else 0) | (0x01 if more else 0)
    return struct.pack("<BHHQ", kind, status, 0xC1, rows or 0)


def return_status() -> bytes:
    """RETURNSTATUS 0 of a procedure."""
    return struct.pack("<Bi", 0x79, 0)


def return_handle(handle: int) -> bytes:
    """RETURNVALUE with the handle of a prepared statement."""
    return struct.pack("<BHBBIHBBBi", 0xAC, 0, 0, 1, 0, 0, 0x26, 4, 4, handle)


def column_metadata(names: Sequence[str], columns: Sequence[Column]) -> bytes:
    """COLMETADATA of nullable columns."""
    described = (
        struct.pack("<IH", 0, 0x0009) + column.type_info + _short_text(name)
        for name, column in zip(names, columns, strict=True)
    )
    return struct.pack("<BH", 0x81, len(names)) + b"".join(described)


def row(columns: Sequence[Column], values: Sequence[object]) -> bytes:
    """One ROW."""
    return b"\xd1" + b"".join(column.encode(value) for column, value in zip(columns, values, strict=True))


def column_of(duckdb_type: str) -> Column:
    """Column of the SQL Server type that a DuckDB type stands for."""
    name = duckdb_type.upper()
    if name.startswith("DECIMAL"):
        precision, scale = (int(part) for part in name[8:-1].split(","))
        return Column(bytes((0x6A, 17, precision, scale)), lambda value: _short(_decimal(value, scale)))
    simple = {
        "BIGINT": Column(b"\x26\x08", lambda value: _short(value if value is None else struct.pack("<q", value))),
        "INTEGER": Column(b"\x26\x04", lambda value: _short(value if value is None else struct.pack("<i", value))),
        "DOUBLE": Column(b"\x6d\x08", lambda value: _short(value if value is None else struct.pack("<d", value))),
        "BOOLEAN": Column(b"\x68\x01", lambda value: _short(value if value is None else bytes((value,)))),
        "DATE": Column(b"\x28", lambda value: _short(value if value is None else _days(value))),
        "TIMESTAMP": Column(b"\x2a\x07", lambda value: _short(value if value is None else _moment(value))),
        "TIMESTAMP WITH TIME ZONE": Column(b"\x2b\x07", lambda value: _short(_instant(value))),
        # Texts of no declared length are nvarchar(max).
        "VARCHAR": Column(b"\xe7\xff\xff" + COLLATION, _long_text),
        "NVARCHAR(40)": Column(struct.pack("<BH", 0xE7, 80) + COLLATION, _text),
    }
    return simple[name]


def _environment(kind: int, values: bytes) -> bytes:
    return _sized(0xE3, bytes((kind,)) + values)


def _sized(token: int, content: bytes) -> bytes:
    return struct.pack("<BH", token, len(content)) + content


def _short_text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode("utf-16-le")


def _short(value: bytes | None) -> bytes:
    return b"\0" if value is None else bytes((len(value),)) + value


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL_TEXT
    encoded = value.encode("utf-16-le")
    return struct.pack("<H", len(encoded)) + encoded


def _long_text(value: str | None) -> bytes:
    if value is None:
        return _NULL_PLP
    encoded = value.encode("utf-16-le")
    chunk = struct.pack("<I", len(encoded)) + encoded if encoded else b""
    return struct.pack("<Q", len(encoded)) + chunk + struct.pack("<I", 0)


def _decimal(value: Decimal | None, scale: int) -> bytes | None:
    if value is None:
        return None
    unscaled = int(value.scaleb(scale, Context(prec=40)))
    return bytes((int(unscaled >= 0),)) + abs(unscaled).to_bytes(16, "little")


def _days(value: date) -> bytes:
    return (value.toordinal() - _EPOCH).to_bytes(3, "little")


def _moment(value: datetime) -> bytes:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return ((seconds * 1_000_000 + value.microsecond) * 10).to_bytes(5, "little") + _days(value.date())


def _instant(value: datetime | None) -> bytes | None:
    """The moment in UTC, and an offset that only says how it was written: New York's."""
    return None if value is None else _moment(value) + struct.pack("<h", -300)
