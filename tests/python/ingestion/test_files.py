"""Kind files against real files in a landing folder: the ledger by content, the archive, and what cannot be read."""

import gzip
import os
import tempfile
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest

from ingestion.base.errors import SourceUnavailableError, UnreadableFileError
from ingestion.base.settings import read_settings
from ingestion.base.storage import Location
from ingestion.bronze.extraction import Extraction
from ingestion.declared.specs import TableSpec
from ingestion.loads.load import ingest
from ingestion.sources.control_table import load_systems
from ingestion.sources.files import header, reading, records, text
from ingestion.sources.landing import LandingFile, landing_file, waiting_files
from tests.python.ingestion.conftest import CLAIMS, Project, source

Contract = Literal["discard", "freeze", "evolve"]


def landed(
    project: Project, content: bytes, *, contract: Contract = "discard", required: bool = False
) -> tuple[TableSpec, LandingFile]:
    """Claims by this contract, and a file that waits for them."""
    table = TableSpec.model_validate(
        {
            "system": "payer",
            "name": "claims",
            "kind": "files",
            "load": {"mode": "incremental", "key": ["ClaimID"], "files": "claims/*.csv*"},
            "columns": [
                {"name": "ClaimID", "data_type": "string"},
                {"name": "Amount", "data_type": "string", "required": required},
            ],
            "contract": {"columns": contract},
        }
    )
    path = project.drop("claims/a.csv", content)
    return table, landing_file("claims/a.csv", Location(str(path)))


def read(
    project: Project, content: bytes, *, contract: Contract = "discard", required: bool = False
) -> tuple[list[tuple[str | None, ...]], Extraction]:
    """Rows that would land, and what the extraction says afterwards."""
    table, file = landed(project, content, contract=contract, required=required)
    with reading.extract(table, file) as extraction:
        rows = [tuple(row.values()) for batch in extraction.batches for row in batch.to_pylist()]
    return rows, extraction


def test_a_file_lands_as_text_with_its_name_and_row_numbers(project: Project) -> None:
    project.drop("claims/a_2024-12.csv", 'ClaimID,Amount\nC1,0012.50\nC2,\nC3,""\n"C,4",not a number\n')

    result = project.load("payer.claims")

    rows = project.bronze("payer.claims")
    assert [(row["ClaimID"], row["Amount"]) for row in rows] == [
        ("C1", "0012.50"),
        ("C2", None),
        ("C3", ""),
        ("C,4", "not a number"),
    ]
    assert [row["_row_number"] for row in rows] == [1, 2, 3, 4]
    assert {row["_source_file"] for row in rows} == {"claims/a_2024-12.csv"}
    assert (result.load_type, result.rows_read, result.rows_written) == ("incremental", 4, 4)


def test_a_loaded_file_is_archived_under_its_batch(project: Project) -> None:
    path = project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")

    result = project.load("payer.claims")

    archived = project.landing / "archive" / "payer" / "claims" / f"{result.batch_id}_a.csv"
    assert not path.exists()
    assert archived.read_text() == "ClaimID,Amount\nC1,1\n"
    assert project.load("payer.claims").message == "no file waits as claims/*.csv*"


def test_each_file_is_one_batch_in_the_order_of_names(project: Project) -> None:
    project.drop("claims/b.csv", "ClaimID,Amount\nC2,2\n")
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")

    results = project.ingest(source="payer").results

    assert [result.source_file for result in results] == ["claims/a.csv", "claims/b.csv"]
    assert project.commits("payer.claims") == 2
    assert [row["ClaimID"] for row in project.bronze("payer.claims")] == ["C1", "C2"]


def test_the_same_bytes_under_another_name_are_not_loaded_twice(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    project.load("payer.claims")
    resent = project.drop("claims/resent.csv", "ClaimID,Amount\nC1,1\n")

    result = project.load("payer.claims")

    assert (result.status, result.rows_written) == ("duplicate_file", 0)
    assert not resent.exists()
    assert project.commits("payer.claims") == 1


def test_two_copies_in_one_run_are_loaded_once(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    project.drop("claims/b.csv", "ClaimID,Amount\nC1,1\n")

    assert [result.status for result in project.ingest(source="payer").results] == ["committed", "duplicate_file"]
    assert len(list((project.landing / "archive" / "payer" / "claims").iterdir())) == 2


def test_two_copies_of_a_broken_file_both_stay(project: Project) -> None:
    broken = [project.drop(f"claims/{name}.csv", "ClaimID,Amount\nC1,1,1\n") for name in "ab"]

    assert [result.status for result in project.ingest(source="payer").results] == ["failed", "failed"]
    assert all(path.exists() for path in broken)


def test_the_same_name_with_new_content_is_a_correction(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    project.load("payer.claims")
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,2\n")

    assert project.load("payer.claims").status == "committed"
    assert len(list((project.landing / "archive" / "payer" / "claims").iterdir())) == 2


def test_a_full_file_replaces_the_table_unless_it_says_the_same(project: Project) -> None:
    project.drop("codes/1.csv", "code,text\nA,x\nB,y\n")
    assert project.load("codes.codes").load_type == "full"
    project.drop("codes/2.csv", "text,code\ny,B\nx,A\n")
    assert project.load("codes.codes").status == "unchanged"
    project.drop("codes/3.csv", "code,text\nA,x\n")
    assert project.load("codes.codes").rows_written == 1
    assert not list((project.landing / "codes").iterdir())


HARMLESS = {
    "byte order mark and CRLF": b"\xef\xbb\xbfClaimID,Amount\r\nC1,1\r\nC2,2\r\n",
    "lone carriage returns": b"ClaimID,Amount\rC1,1\rC2,2\r",
    "reordered": b"Amount,ClaimID\n1,C1\n2,C2\n",
    "no last newline": b"ClaimID,Amount\nC1,1\nC2,2",
    "padded header": b'"ClaimID" , Amount \nC1,1\nC2,2\n',
    "semicolon": b"ClaimID;Amount\nC1;1\nC2;2\n",
    "pipe": b"ClaimID|Amount\nC1|1\nC2|2\n",
    "tab": b"ClaimID\tAmount\nC1\t1\nC2\t2\n",
    "delimiter of another kind in a name": b'"x,y,z";ClaimID;Amount\n0;C1;1\n0;C2;2\n',
    "UTF-16 little endian": b"\xff\xfe" + "ClaimID,Amount\nC1,1\nC2,2\n".encode("utf-16-le"),
    "UTF-16 big endian": b"\xfe\xff" + "ClaimID,Amount\nC1,1\nC2,2\n".encode("utf-16-be"),
    "UTF-16 little endian without mark": "ClaimID,Amount\nC1,1\nC2,2\n".encode("utf-16-le"),
    "UTF-16 big endian without mark": "ClaimID,Amount\nC1,1\nC2,2\n".encode("utf-16-be"),
    "compressed without its ending": gzip.compress(b"ClaimID,Amount\nC1,1\nC2,2\n"),
    "compressed in two parts": gzip.compress(b"ClaimID,Amount\nC1,") + gzip.compress(b"1\nC2,2\n"),
    "blank lines": b"\n \nClaimID,Amount\n\nC1,1\n\n\nC2,2\n\n  \n\n",
    "blank lines without last newline": b"ClaimID,Amount\r\nC1,1\r\nC2,2\r\n \r\n  ",
    "every line ends in a delimiter": b"ClaimID,Amount,\nC1,1,\nC2,2,\n",
    "every line but the header ends in a delimiter": b"ClaimID,Amount\nC1,1,\nC2,2,\n",
    "only the header ends in a delimiter": b"ClaimID,Amount,\nC1,1\nC2,2\n",
    "delimiters as padding": b"ClaimID;Amount;;;\nC1;1;;;\nC2;2;;;\n",
}


@pytest.mark.parametrize("content", HARMLESS.values(), ids=HARMLESS.keys())
def test_harmless_shapes_of_csv(project: Project, content: bytes) -> None:
    rows, extraction = read(project, content)

    assert rows == [("C1", "1"), ("C2", "2")]
    assert extraction.rejects == []


def test_a_compressed_file(project: Project) -> None:
    project.drop("claims/a.csv.gz", gzip.compress(b"ClaimID,Amount\nC1,1\n"))

    assert project.load("payer.claims").rows_written == 1


def test_a_line_break_in_quotes_is_part_of_the_value(project: Project) -> None:
    project.drop("claims/a.csv", 'ClaimID,Amount\nC1,"1\n2"\nC2,3\n')

    project.load("payer.claims")

    assert [row["Amount"] for row in project.bronze("payer.claims")] == ["1\n2", "3"]


def test_dates_land_as_they_are_written(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,3/4/2024\nC2,12/31/2024\n")

    project.load("payer.claims")

    assert [row["Amount"] for row in project.bronze("payer.claims")] == ["3/4/2024", "12/31/2024"]


def test_a_quote_inside_an_unquoted_field_is_a_character(project: Project) -> None:
    rows, extraction = read(project, b'ClaimID,Amount\nC1,5" pipe\nC2,"say ""x"""\nC3,"a,b"\n')

    assert rows == [("C1", '5" pipe'), ("C2", 'say "x"'), ("C3", "a,b")]
    assert extraction.rejects == []


# Bad lines beside two good ones: content, and the rejects as (line, words of the reason).
BAD_LINES: dict[str, tuple[bytes, list[tuple[int, str]]]] = {
    "too many fields": (b"ClaimID,Amount\nC1,1\nSECRET,1,2\nC2,2\n", [(3, "it has 3 fields instead of 2")]),
    "too few fields": (b"ClaimID,Amount\nC1,1\nSECRET\nC2,2\n", [(3, "it has 1 fields instead of 2")]),
    "after quoted newlines": (
        b'ClaimID,Amount,N\nC1,1,"x\n\ny"\n\nSECRET\nC2,2,\nSECRET\n',
        [(6, "1 fields instead of 3"), (8, "1 fields instead of 3")],
    ),
    "after CRLF and blank lines": (
        b"\r\nClaimID,Amount\r\n\r\nC1,1\r\n\r\nSECRET\r\nC2,2\r\n",
        [(6, "it has 1 fields instead of 2")],
    ),
    "after lone carriage returns": (b"ClaimID,Amount\rC1,1\rSECRET\rC2,2\r", [(3, "it has 1 fields")]),
    "with a line break": (
        b'ClaimID,Amount\nC1,1\n"SECRET\n",1,2\nC2,2\n',
        [(3, "it has 3 fields instead of 2; everything from there to line 4 is in it")],
    ),
    "no text": (b"ClaimID,Amount\nC1,1\nSECRET,\xff\nC2,2\n", [(3, "it is not text in the encoding of the file")]),
    "no text in a column left out": (b"ClaimID,X,Amount\nC1,,1\nSECRET,\xff,\nC2,,2\n", [(3, "it is not text")]),
    "half a character of UTF-16": (
        "ClaimID,Amount\nC1,1\nSECRET,".encode("utf-16") + b"\x00\xd8" + "\nC2,2\n".encode("utf-16-le"),
        [(3, "it is not text in the encoding of the file")],
    ),
    "half a code unit of UTF-16": (
        "ClaimID,Amount\nC1,1\nC2,2\nSECRET,1".encode("utf-16") + b"x",
        [(4, "it is not text in the encoding of the file")],
    ),
    "zero byte": (b"ClaimID,Amount\nC1,1\nSECRET,\0\nC2,2\n", [(3, "it holds a zero byte")]),
    "last line cut off": (b"ClaimID,Amount\nC1,1\nC2,2\nSECRET", [(4, "the last line is cut off")]),
    "last line cut off in quotes": (b'ClaimID,Amount\nC1,1\nC2,2\nSECRET,"x', [(4, "the last line is cut off")]),
    "quote never closed": (
        b'ClaimID,Amount\nC1,1\nC2,2\nSECRET,"x\nSECRET,1\nSECRET,2\n',
        [(4, "it opens a quote that is never closed; everything from there to the end of the file is in it")],
    ),
    "quote closed by a later one": (
        b'ClaimID,Amount\nC1,1\nSECRET,"x\nSECRET,1\nSECRET,"y"\nC2,2\n',
        [(3, "a field goes on after its closing quote; everything from there to line 5 is in it")],
    ),
    "a value after the last delimiter": (
        b"ClaimID,Amount,\nC1,1,\nSECRET,1,2\nC2,2,\n",
        [(3, "it has a value after the last column")],
    ),
}


@pytest.mark.parametrize(("content", "rejects"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_left_out_and_named_by_its_line(
    project: Project, content: bytes, rejects: list[tuple[int, str]]
) -> None:
    rows, extraction = read(project, content)

    assert rows == [("C1", "1"), ("C2", "2")]
    assert [reject.line for reject in extraction.rejects] == [line for line, _ in rejects]
    for reject, (_, words) in zip(extraction.rejects, rejects, strict=True):
        assert words in reject.reason
        assert "SECRET" not in reject.reason


@pytest.mark.parametrize(("content", "rejects"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_rejected_lines_come_back_as_a_file_to_correct(
    project: Project, content: bytes, rejects: list[tuple[int, str]]
) -> None:
    table, file = landed(project, content)

    raw = b"".join(reading.records_at(table, file, [line for line, _ in rejects]))

    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert lines[0].startswith(b"ClaimID,")
    assert lines[-1] == b""
    assert raw.count(b"SECRET") == content.replace(b"\0", b"").count(b"SECRET")
    assert b"C1" not in raw
    assert b"C2" not in raw
    with pytest.raises(UnreadableFileError, match="no line can be read"):
        read(project, raw)


def test_the_good_lines_land_though_one_is_bad(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nSECRET\nC2,2\n")

    assert project.load("payer.claims").status == "committed"
    rows = project.bronze("payer.claims", ["ClaimID", "_row_number"])
    assert [tuple(row.values()) for row in rows] == [("C1", 1), ("C2", 2)]


def test_line_numbers_hold_over_blocks(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 100)
    monkeypatch.setattr(header, "HEAD_BYTES", 20)
    # Every hundredth row has a line break in quotes, every hundredth line after it has a field too few.
    lines = [b'C,"1\r\n2"' if n % 100 == 0 else b"SECRET" if n % 100 == 50 else b"C,1" for n in range(1000)]
    rows, extraction = read(project, b"ClaimID,Amount\r\n" + b"\r\n".join(lines))

    assert len(rows) == 990
    assert [reject.line for reject in extraction.rejects] == [50 + 2 + 1 + n * 101 for n in range(10)]


def test_a_quote_that_swallows_a_large_file_is_one_reject(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 100)
    monkeypatch.setattr(header, "HEAD_BYTES", 20)
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 300)
    swallowed = b'C2,"x\n' + b"SECRET,1\n" * 1000
    content = b"ClaimID,Amount\nC1,1\n" + swallowed
    rows, extraction = read(project, content)

    assert rows == [("C1", "1")]
    [reject] = extraction.rejects
    assert reject.line == 3
    assert "to the end of the file" in reject.reason
    assert b"".join(reading.records_at(*landed(project, content), [3])) == b"ClaimID,Amount\n" + swallowed


def test_too_many_bad_lines_refuse_the_file(project: Project) -> None:
    path = project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n" + "SECRET\n" * 1001)

    result = project.load("payer.claims")

    assert (result.status, result.error_class) == ("failed", "UnreadableFileError")
    assert "claims/a.csv: 1001 lines cannot be read so far, more than the 1000" in (result.message or "")
    assert "line 3: it has 1 fields instead of 2" in (result.message or "")
    assert "SECRET" not in (result.message or "")
    assert path.exists()
    assert project.commits("payer.claims") == 0


def test_a_thousand_bad_lines_do_not(project: Project) -> None:
    rows, extraction = read(project, b"ClaimID,Amount\nC1,1\n" + b"SECRET\n" * 1000)

    assert (len(rows), len(extraction.rejects)) == (1, 1000)


def test_a_bad_line_refuses_a_full_file(project: Project) -> None:
    project.drop("codes/1.csv", "code,text\nA,x\nSECRET\nB,y\n")

    result = project.load("codes.codes")

    assert (result.status, result.error_class) == ("failed", "UnreadableFileError")
    assert "codes/1.csv: 1 lines cannot be read (line 3: it has 1 fields instead of 2)" in (result.message or "")
    assert "deletions" in (result.message or "")
    assert project.commits("codes.codes") == 0


def test_a_file_that_is_written_to_while_it_is_read_does_not_land(project: Project) -> None:
    table, file = landed(project, b"ClaimID,Amount\nC1,1\n")

    with reading.extract(table, file) as extraction:
        next(extraction.batches)
        project.drop("claims/a.csv", b"ClaimID,Amount\nC1,1\nC2,2\n")
        with pytest.raises(UnreadableFileError, match=r"a\.csv: was written to while it was read"):
            next(extraction.batches)


def test_an_extra_column_is_left_out_and_said(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Note,Amount\nC1,SECRET,1\n")

    result = project.load("payer.claims")

    assert result.status == "committed"
    assert result.message == "claims/a.csv: column Note is not declared and was left out"


def test_a_contract_that_freezes_refuses_an_extra_column(project: Project) -> None:
    with pytest.raises(UnreadableFileError, match=r"column Note is not declared, and the contract of payer\.claims"):
        read(project, b"ClaimID,Note,Amount\nC1,SECRET,1\n", contract="freeze")


def test_a_contract_that_evolves_lands_an_extra_column(project: Project) -> None:
    rows, extraction = read(project, b"Note,ClaimID,Amount\nx,C1,1\n,C2,2\n", contract="evolve")

    assert rows == [("C1", "1", "x"), ("C2", "2", None)]
    assert extraction.extra_columns == (pa.field("Note", pa.string()),)
    assert extraction.warnings == ["claims/a.csv: column Note is not declared and was landed too"]


def test_a_column_that_comes_later_is_added_to_bronze(project: Project) -> None:
    meta = {**CLAIMS["config"]["meta"], "contract": {"columns": "evolve"}}
    evolving = {**CLAIMS, "config": {"meta": meta}}
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [evolving])])
    project.drop("claims/1.csv", "ClaimID,Amount\nC1,1\n")
    project.load("payer.claims")
    project.drop("claims/2.csv", "Note,ClaimID\nx,C2\n")

    result = project.load("payer.claims")

    rows = project.bronze("payer.claims", ["ClaimID", "Amount", "Note"])
    assert [tuple(row.values()) for row in rows] == [("C1", "1", None), ("C2", None, "x")]
    assert "column Note is not declared and was landed too" in (result.message or "")


@pytest.mark.parametrize(
    ("name", "says"),
    [("_batch_id", "starts with _"), ("claimid", "only by case"), ("Note,NOTE", "only by case"), ("", "no name")],
)
def test_a_contract_that_evolves_refuses_names_that_cannot_be_columns(project: Project, name: str, says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says):
        read(project, f"ClaimID,{name},Amount\nC1,x,1\n".encode(), contract="evolve")


def test_a_contract_that_evolves_lands_a_missing_column_as_null(project: Project) -> None:
    rows, extraction = read(project, b"ClaimID,Amt\nC1,1\n", contract="evolve")

    assert rows == [("C1", None, "1")]
    assert extraction.warnings[0] == (
        "claims/a.csv: has no column Amount (was Amount renamed to Amt?), it landed as null"
    )


@pytest.mark.parametrize("required", [False, True], ids=["key", "required"])
def test_a_contract_that_evolves_refuses_a_file_without_key_or_required_column(
    project: Project, required: bool
) -> None:
    content = b"ClaimID\nC1\n" if required else b"Amount\n1\n"
    with pytest.raises(UnreadableFileError, match=r"has no column (ClaimID|Amount)"):
        read(project, content, contract="evolve", required=required)


REFUSED = {
    "missing": (b"ClaimID,X\nSECRET,1\n", "has no column Amount (was Amount renamed to column 2?)"),
    "renamed": (b"ClaimID,Other,amount\nSECRET,1,2\n", "was Amount renamed to amount?"),
    "twice": (b"ClaimID,Amount,Amount\nSECRET,1,2\n", "has column Amount twice"),
    "no header": (b"SECRET,1\nSECRET,2\n", "line 1 names none of the 2 declared columns (columns found: 2 by ,"),
    "empty": (b"", "is empty"),
    "blank": (b"\n \r\n", "is empty"),
    "compressed nothing": (gzip.compress(b""), "is empty"),
    "bad bytes in the header": (b"ClaimID,Amount,\xff\nSECRET,1\n", "is not UTF-8 text"),
    "UTF-32": ("ClaimID,Amount\nSECRET,1\n".encode("utf-32"), "is not UTF-8 text"),
    "quote never closed in the header": (b'ClaimID,Amount,"X\nSECRET,1\n', "names none of the 2 declared columns"),
    "no good line": (b"ClaimID,Amount\nSECRET\n", "no line can be read"),
    "cut off in compressed data": (gzip.compress(b"ClaimID,Amount\nSECRET,1\n" * 1000)[:60], "truncated or damaged"),
    "compressed data damaged": (
        gzip.compress(b"ClaimID,Amount\nSECRET,1\n")[:-8] + b"\1" * 8,
        "its compressed data is truncated or damaged",
    ),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_read_names_itself_and_no_value(project: Project, content: bytes, says: str) -> None:
    with pytest.raises(UnreadableFileError) as refusal:
        read(project, content)

    message = str(refusal.value)
    assert message.startswith("claims/a.csv: ")
    assert says in message
    assert "SECRET" not in message
    assert "\n" not in message


def test_a_broken_file_leaves_the_other_files_going(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID\nC1\n")
    project.drop("claims/b.csv", "ClaimID,Amount\nC2,2\n")

    assert [result.status for result in project.ingest(source="payer").results] == ["failed", "committed"]


def test_a_header_alone_is_nothing_new_and_archived(project: Project) -> None:
    path = project.drop("claims/a.csv", "ClaimID,Amount\n")

    assert project.load("payer.claims").status == "unchanged"
    assert not path.exists()


def test_a_header_alone_does_not_empty_a_full_table(project: Project) -> None:
    project.drop("codes/1.csv", "code,text\nA,x\n")
    project.load("codes.codes")
    path = project.drop("codes/2.csv", "code,text\n")

    assert project.load("codes.codes").error_class == "EmptyFullLoadError"
    assert path.exists()


ODD_NAMES = {
    "not UTF-8": (b"\xff.csv", "claims/\\~.csv"),
    "a line break": (b"a\nb.csv", "claims/a\\nb.csv"),
    "markup and quotes": ("[red]é';--.csv".encode(), "claims/[~]é';--.csv"),
    "as long as can be": (b"n" * 251 + b".csv", "claims/~.csv"),
}


@pytest.mark.parametrize(("name", "shown"), ODD_NAMES.values(), ids=ODD_NAMES.keys())
def test_whatever_a_file_is_called_it_is_loaded_archived_and_its_bad_lines_taken_again(
    project: Project, name: bytes, shown: str
) -> None:
    project.drop(f"claims/{os.fsdecode(name)}", "ClaimID,Amount\nC1,1\nC2\n")

    result = project.load("payer.claims")

    assert (result.status, result.source_file, result.rows_rejected) == ("committed", shown, 1)
    assert not list((project.landing / "claims").iterdir())
    assert len(list((project.landing / "archive" / "payer" / "claims").iterdir())) == 1
    assert [entry.source_file for entry in project.log()] == [shown]
    [waiting] = (project.landing / "rejects" / "payer" / "claims").iterdir()
    waiting.write_text("ClaimID,Amount\nC2,2\n")
    assert [redriven.status for redriven in project.redrive()] == ["committed"]
    assert {row["_source_file"] for row in project.bronze("payer.claims")} == {shown}


def test_a_landing_folder_that_is_not_there_is_an_error_where_a_setting_names_it(project: Project) -> None:
    # As before the first file.
    assert project.load("payer.claims").status == "nothing"

    settings = read_settings({"TEST_LANDING": str(project.root / "not mounted")})
    systems = load_systems(settings.project_dir, settings.bronze_dir)
    [result] = ingest(settings, systems, table="claims").results

    assert (result.status, result.error_class) == ("failed", "SourceUnavailableError")
    assert "not mounted: is no folder; mount it, make it, or correct TEST_LANDING" in (result.message or "")


def test_a_landing_folder_that_may_not_be_read_is_an_error_and_not_empty() -> None:
    # Not below pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory() as name:
        closed = Path(name) / "claims"
        closed.mkdir()
        closed.chmod(0o000)
        Path(name).chmod(0o755)
        user = os.geteuid()
        # Root may read everything.
        os.seteuid(user or 65_534)
        try:
            with pytest.raises(SourceUnavailableError, match=r"cannot be searched \(PermissionError\)"):
                waiting_files(Location(name), "claims/*.csv")
        finally:
            os.seteuid(user)
            closed.chmod(0o700)


def test_a_commit_whose_archiving_was_cut_off_is_archived_by_the_next_run(project: Project) -> None:
    content = "ClaimID,Amount\nC1,1\n"
    project.drop("claims/a.csv", content)
    batch_id = project.load("payer.claims").batch_id
    archived = project.landing / "archive" / "payer" / "claims" / f"{batch_id}_a.csv"
    archived.rename(project.landing / "claims" / "a.csv")

    assert project.load("payer.claims").status == "duplicate_file"
    assert archived.read_text() == content
