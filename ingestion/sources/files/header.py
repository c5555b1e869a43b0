"""The header of a landing file: its delimiter, its columns, and how the table's contract treats them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from ingestion.base.errors import UnreadableFileError
from ingestion.base.names import looks_like_column, shown_column
from ingestion.declared.specs import TableSpec, repeated
from ingestion.sources.files.records import Grammar, is_text

DELIMITERS = (",", ";", "|", "\t")
# What the header and a sample of lines are looked for in.
HEAD_BYTES = 256 << 10
_SAMPLE_LINES = 200
_BLANK_LINES = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*")
_NAMES_SHOWN = 10


@dataclass(frozen=True)
class Header:
    """What the first line says.

    Args:
        names: Columns, without those that have no name at its end.
        grammar: How the lines are cut.
        raw: The line itself, with its end.
        length: Bytes up to the first record, blank lines before the header among them.
        line: Line of the first record.
    """

    names: tuple[str, ...]
    grammar: Grammar
    raw: bytes
    length: int
    line: int


@dataclass(frozen=True)
class Columns:
    """What lands: the places of the declared columns in a line (None lands as null), of extra ones, and warnings."""

    declared: tuple[int | None, ...]
    extra: dict[str, int]
    warnings: tuple[str, ...]


def read_header(table: TableSpec, name: str, head: bytes) -> Header:
    """Find the delimiter under which most declared columns appear in the first line that is not blank.

    Raises:
        UnreadableFileError: There is no such line, or none of the declared columns is in it under any delimiter.
    """
    blank = _BLANK_LINES.match(head)
    start = blank.end() if blank else 0
    if not head[start:].strip():
        raise UnreadableFileError(f"{name}: is empty; ask the sender for the file, and remove this one")
    line = len(head[:start].splitlines()) + 1
    found = [_split(head, start, line, delimiter) for delimiter in DELIMITERS]
    if not is_text(found[0][1]) or b"\0" in found[0][1]:
        raise UnreadableFileError(
            f"{name}: is not UTF-8 text, nor UTF-16; ask the sender for UTF-8, nothing of the file was loaded"
        )
    fits = [len(set(names).intersection(table.column_names)) for names, _ in found]
    if not max(fits):
        counts = ", ".join(
            f"{len(names)} by {_delimiter_name(delimiter)}"
            for delimiter, (names, _) in zip(DELIMITERS, found, strict=True)
        )
        raise UnreadableFileError(
            f"{name}: line {line} names none of the {len(table.columns)} declared columns (columns found: {counts}); "
            "ask the sender for a header line with the declared names, or correct the control table"
        )
    best = max(range(len(DELIMITERS)), key=lambda index: (fits[index], len(found[index][0])))
    names, raw = found[best]
    end = start + len(raw)
    grammar = _grammar(DELIMITERS[best], names, raw, head[end:])
    return Header(tuple(names[: grammar.names]), grammar, raw, end, line + len(raw.splitlines()))


def _split(head: bytes, start: int, line: int, delimiter: str) -> tuple[list[str], bytes]:
    """Names of the first record under one delimiter, and its bytes; no names where its quotes swallowed lines."""
    span = next(Grammar(delimiter, 1, 1).spans(head[start:], line, is_whole=True))
    raw = head[start : start + span.end]
    if span.fault is not None and (not span.is_ended or len(raw.splitlines()) > 1):
        return [], raw
    try:
        names = next(csv.reader(io.StringIO(raw.decode("utf-8", "replace"), newline=""), delimiter=delimiter))
    except csv.Error:
        names = []
    return [name.strip() for name in names], raw


def _grammar(delimiter: str, names: list[str], raw: bytes, text: bytes) -> Grammar:
    """How wide lines are: senders end all of them in a delimiter, or only the header, or only the others."""
    columns = max(index + 1 for index, name in enumerate(names) if name)
    widths = {columns, columns + 1, len(names)}
    spans = islice(Grammar(delimiter, columns, columns).spans(text, 1, is_whole=False), _SAMPLE_LINES)
    seen = Counter(span.fields for span in spans if span.fields in widths and span.trailing >= span.fields - columns)
    width = max(widths, key=lambda width: (seen[width], width == len(names)))
    return Grammar(delimiter, columns, width, raw)


def match_columns(table: TableSpec, name: str, header: Header) -> Columns:
    """Check a header by the table's contract: ``discard``, ``freeze`` or ``evolve``.

    Raises:
        UnreadableFileError: A declared column is missing or there twice, or the contract refuses an undeclared one.
    """
    names, contract = header.names, table.contract.columns

    def _listed(columns: Sequence[str]) -> str:
        """Names on one line, those of the header as far as they look like names."""
        return listed(table, names, columns)

    twice = [column for column in repeated(names) if column in table.column_names]
    if twice:
        raise _refusal(name, f"has column {_listed(twice)} twice")
    extra = [column for column in names if column not in table.column_names]
    missing = [column for column in table.column_names if column not in names]
    optional = {column.name for column in table.columns if not column.required}.difference(table.load.key)
    hint = _rename_hint(table, names, missing, extra)
    refused = [column for column in missing if contract != "evolve" or column not in optional]
    if refused:
        raise _refusal(name, f"has no column {_listed(refused)}{hint}")
    warnings = []
    if missing:
        warnings.append(f"{name}: has no column {_listed(missing)}{hint}, it landed as null")
    if extra and contract == "freeze":
        raise _refusal(name, f"column {_listed(extra)} is not declared, and the contract of {table.label} is freeze")
    if extra and contract == "evolve":
        _check_new_names(table, name, names, extra)
        warnings.append(f"{name}: column {_listed(extra)} is not declared and was landed too")
    elif extra:
        warnings.append(f"{name}: column {_listed(extra)} is not declared and was left out")
    return Columns(
        tuple(names.index(column) if column in names else None for column in table.column_names),
        {column: names.index(column) for column in extra} if contract == "evolve" else {},
        tuple(warnings),
    )


def _check_new_names(table: TableSpec, name: str, names: Sequence[str], extra: Sequence[str]) -> None:
    """A new column must not be taken for one of lineage or for another one in any engine, nor be a patient's value."""
    folded = Counter(column.lower() for column in (*table.column_names, *extra))
    for column in extra:
        if not column or not column.isprintable():
            raise _refusal(name, "an undeclared column has no name, or one that cannot be printed")
        if column.startswith("_"):
            shown = listed(table, names, [column])
            raise _refusal(name, f"undeclared column {shown} starts with _, which marks lineage columns")
        if not looks_like_column(column):
            place = names.index(column) + 1
            raise _refusal(name, f"the name of undeclared column {place} looks like a value and not like a name")
        if folded[column.lower()] > 1:
            shown = listed(table, names, [column])
            raise _refusal(name, f"undeclared column {shown} differs from another one only by case")


def _rename_hint(table: TableSpec, names: Sequence[str], missing: Sequence[str], extra: Sequence[str]) -> str:
    """Missing columns that an extra one resembles, or takes the place of."""
    by_fold = {column.lower(): column for column in extra if column}
    renamed = []
    for column in missing:
        alike = get_close_matches(column.lower(), by_fold, n=1)
        place = table.column_names.index(column)
        if alike:
            renamed.append(f"{column} renamed to {_label(table, names, by_fold[alike[0]])}")
        elif place < len(names) and names[place] in by_fold.values():
            renamed.append(f"{column} renamed to {_label(table, names, names[place])}")
    return f" (was {', '.join(renamed)}?)" if renamed else ""


def listed(table: TableSpec, names: Sequence[str], columns: Sequence[str]) -> str:
    """Columns on one line: declared ones by their names, others of the header only if they look like names."""
    shown = [_shown(table, names, column) for column in columns[:_NAMES_SHOWN]]
    more = len(columns) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _label(table: TableSpec, names: Sequence[str], column: str) -> str:
    shown = _shown(table, names, column)
    return f"column {shown}" if shown.isdecimal() else shown


def _shown(table: TableSpec, names: Sequence[str], column: str) -> str:
    if not column:
        return "without a name"
    return shown_column(column, names.index(column) + 1 if column in names else 0, table.column_names)


def _delimiter_name(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter


def _refusal(name: str, fault: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"{name}: {fault}; ask the sender for the declared columns, or correct the control table"
    )
