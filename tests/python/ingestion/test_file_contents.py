"""Kind files against files that hypothesis writes and damages: good lines are loaded, bad ones are named."""

import csv
import gzip
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingestion.base.errors import IngestionError
from ingestion.base.storage import Location
from ingestion.bronze.extraction import Reject
from ingestion.declared.specs import TableSpec
from ingestion.sources.files import header, reading, text
from ingestion.sources.landing import LandingFile, landing_file

Row = tuple[str | None, ...]
ENCODINGS = {
    "utf-8": b"",
    "utf-8 with mark": b"\xef\xbb\xbf",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
}
# Characters that mean something to some dialect, and some that take more than one byte.
VALUES = st.text(st.sampled_from("ab01 ,;|\t\"\n\r'ÄЖ語😀"), max_size=6)


@dataclass(frozen=True)
class Written:
    """A table, and the bytes somebody sent of it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str
    encoding: str
    line_end: str
    content: bytes


@st.composite
def written(draw: st.DrawFn, values: st.SearchStrategy[str] = VALUES, *, compress: bool = True) -> Written:
    columns = tuple(f"Column{place}" for place in range(draw(st.integers(2, 5))))
    rows = tuple(draw(st.lists(st.tuples(*[values] * len(columns)), max_size=30)))
    delimiter = draw(st.sampled_from(header.DELIMITERS))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting: Literal[0, 1] = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    encoding = draw(st.sampled_from(list(ENCODINGS)))
    if quoting == csv.QUOTE_MINIMAL:
        # Python leaves a line break of another kind without quotes.
        other = str.maketrans("", "", "".join({"\n", "\r"}.difference(line_end)))
        rows = tuple(tuple(value.translate(other) for value in row) for row in rows)
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([columns, *rows])
    content = ENCODINGS[encoding] + sink.getvalue().encode(encoding.split(" ")[0])
    if compress and draw(st.booleans()):
        content = gzip.compress(content)
    return Written(columns, rows, delimiter, encoding, line_end, content)


def read(columns: Sequence[str], content: bytes, block_bytes: int) -> tuple[list[Row], list[Reject]]:
    """Rows and rejects of a file read in blocks of so many bytes."""
    with tempfile.TemporaryDirectory() as folder:
        table, file = _landed(columns, content, Path(folder))
        with (
            patch.object(text, "BLOCK_BYTES", block_bytes),
            patch.object(header, "HEAD_BYTES", block_bytes),
            reading.extract(table, file) as extraction,
        ):
            rows = [tuple(row.values()) for batch in extraction.batches for row in batch.to_pylist()]
            return rows, extraction.rejects


def raw_records(columns: Sequence[str], content: bytes, lines: Sequence[int]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return b"".join(reading.records_at(*_landed(columns, content, Path(folder)), lines))


def _landed(columns: Sequence[str], content: bytes, folder: Path) -> tuple[TableSpec, LandingFile]:
    table = TableSpec.model_validate(
        {
            "system": "payer",
            "name": "claims",
            "kind": "files",
            "load": {"mode": "incremental", "key": [columns[0]], "files": "*"},
            "columns": [{"name": name, "data_type": "string"} for name in columns],
        }
    )
    path = folder / "a.csv"
    path.write_bytes(content)
    return table, landing_file("a.csv", Location(str(path)))


BLOCKS = st.sampled_from([300, 1000, text.BLOCK_BYTES])


@given(written(), BLOCKS)
@settings(max_examples=300, deadline=None)
def test_what_python_writes_is_read_back(table: Written, block_bytes: int) -> None:
    assume(not any(_looks_like_records(row, table.delimiter) for row in table.rows))
    rows, rejects = read(table.columns, table.content, block_bytes)

    assert rejects == []
    # A quoted empty field is text, another one is null: Python writes both for an empty text.
    assert [tuple(value or "" for value in row) for row in rows] == list(table.rows)


def _looks_like_records(row: Sequence[str], delimiter: str) -> bool:
    """Whether lines inside a row have the separators of a row: two stray quotes would make the same bytes."""
    lines = delimiter.join(row).splitlines()
    return sum(line.count(delimiter) == len(row) - 1 for line in lines) > 1


def test_a_writer_that_quotes_every_field_joins_nothing() -> None:
    content = b'"Column0","Column1","Column2"\n"a","x\ny,z","b"\n"","\n,",","\n'

    rows, rejects = read(("Column0", "Column1", "Column2"), content, text.BLOCK_BYTES)

    assert (rows, rejects) == ([("a", "x\ny,z", "b"), ("", "\n,", ",")], [])


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Written, bytes]:
    table = draw(written())
    content = bytearray(table.content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.integers(0, 3))
        # Replaces, drops or inserts bytes by their lengths.
        content[place : place + length] = draw(st.binary(max_size=3) | st.sampled_from([b'"', b"\n", b",", b"\0"]))
    return table, bytes(content)


@given(damaged(), BLOCKS)
@settings(max_examples=400, deadline=None)
def test_damage_is_refused_or_named_and_never_a_crash(case: tuple[Written, bytes], block_bytes: int) -> None:
    table, content = case
    outcome = _outcome(table.columns, content, block_bytes)
    # However it is cut into blocks, it is the same file.
    assert outcome == _outcome(table.columns, content, text.BLOCK_BYTES)
    if isinstance(outcome, str):
        assert outcome.startswith("a.csv: ")
        assert len(outcome.splitlines()) == 1
        return
    rows, rejects = outcome
    assert all(len(row) == len(table.columns) for row in rows)
    assert len({reject.line for reject in rejects}) == len(rejects)


def _outcome(columns: Sequence[str], content: bytes, block_bytes: int) -> tuple[list[Row], list[Reject]] | str:
    """What was read, or why nothing was."""
    try:
        return read(columns, content, block_bytes)
    except IngestionError as error:
        return str(error)


@given(
    # One line per row, so that the number of a line is that of its row.
    written(st.text(st.sampled_from("ab01 ,;|\t\"'ÄЖ語😀"), min_size=1, max_size=6), compress=False),
    st.sets(st.integers(0, 29)),
    st.sampled_from(["too many", "too few"]),
    BLOCKS,
)
@settings(max_examples=300, deadline=None)
def test_good_lines_land_and_lines_with_another_number_of_fields_are_named(
    table: Written, places: set[int], fault: str, block_bytes: int
) -> None:
    encoding = table.encoding.split(" ")[0]
    mark = ENCODINGS[table.encoding]
    lines = table.content.removeprefix(mark).decode(encoding).split(table.line_end)
    bad = sorted(place for place in places if place < len(table.rows))
    good = [row for place, row in enumerate(table.rows) if place not in bad]
    for place in bad:
        lines[place + 1] = lines[place + 1] + f"{table.delimiter}x" * 3 if fault == "too many" else "x"
    content = mark + table.line_end.join(lines).encode(encoding)

    if bad and not good:
        with pytest.raises(IngestionError, match="no line can be read"):
            read(table.columns, content, block_bytes)
        return
    rows, rejects = read(table.columns, content, block_bytes)

    assert rows == good
    assert [reject.line for reject in rejects] == [place + 2 for place in bad]
    if bad:
        raw = raw_records(table.columns, content, [reject.line for reject in rejects])
        assert raw.decode() == table.line_end.join([lines[0], *(lines[place + 1] for place in bad), ""])
