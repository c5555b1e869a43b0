"""Kind files against real files in a landing folder: the ledger by content, the archive, and what cannot be read."""

import gzip

import pytest

from tests.python.ingestion.conftest import Project


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


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfClaimID,Amount\r\nC1,1\r\n",
        b"Amount,ClaimID\n1,C1\n",
        b"ClaimID,Amount\nC1,1",
        b'"ClaimID" , Amount\nC1,1\n',
    ],
    ids=["byte order mark and CRLF", "reordered", "no last newline", "padded header"],
)
def test_harmless_shapes_of_csv(project: Project, content: bytes) -> None:
    project.drop("claims/a.csv", content)

    assert project.load("payer.claims").status == "committed"
    assert project.bronze("payer.claims", ["ClaimID", "Amount"]) == [{"ClaimID": "C1", "Amount": "1"}]


def test_a_compressed_file(project: Project) -> None:
    project.drop("claims/a.csv.gz", gzip.compress(b"ClaimID,Amount\nC1,1\n"))

    assert project.load("payer.claims").rows_written == 1


def test_a_line_break_in_quotes_is_part_of_the_value(project: Project) -> None:
    project.drop("claims/a.csv", 'ClaimID,Amount\nC1,"1\n2"\nC2,3\n')

    project.load("payer.claims")

    assert [row["Amount"] for row in project.bronze("payer.claims")] == ["1\n2", "3"]


def test_an_extra_column_is_left_out_and_said(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Note,Amount\nC1,SECRET,1\n")

    result = project.load("payer.claims")

    assert result.status == "committed"
    assert result.message == "claims/a.csv: column Note is not declared and was left out"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"ClaimID,Betrag\nSECRET,1\n", "has no column Amount"),
        (b"ClaimID,Amount,Amount\nSECRET,1,2\n", "has column Amount twice"),
        (b"ClaimID,Amount\nC1,1\nSECRET,2,3\n", "line 3 has 3 fields where the header has 2"),
        (b"ClaimID,Amount\nC1,1\nSECRET\n", "line 3 has 1 fields where the header has 2"),
        (b"", "is empty"),
        (b"ClaimID,Amount\nSECRET,\xff\xfe\n", "is not UTF-8 text"),
        ("ClaimID,Amount\nSECRET,1\n".encode("utf-16"), "is not UTF-8 text"),
    ],
    ids=["missing", "twice", "too many fields", "too few fields", "empty", "bad bytes", "utf-16"],
)
def test_a_file_that_cannot_be_read_names_itself_and_no_value(project: Project, content: bytes, says: str) -> None:
    path = project.drop("claims/a.csv", content)

    result = project.load("payer.claims")

    assert (result.status, result.error_class) == ("failed", "UnreadableFileError")
    assert (result.message or "").startswith("claims/a.csv: ")
    assert says in (result.message or "")
    assert "SECRET" not in (result.message or "")
    assert path.exists()
    assert project.commits("payer.claims") == 0


def test_a_broken_compressed_file(project: Project) -> None:
    project.drop("claims/a.csv.gz", gzip.compress(b"ClaimID,Amount\nC1,1\n" * 1000)[:40])

    result = project.load("payer.claims")

    assert (result.status, result.error_class) == ("failed", "UnreadableFileError")


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


def test_a_commit_whose_archiving_was_cut_off_is_archived_by_the_next_run(project: Project) -> None:
    content = "ClaimID,Amount\nC1,1\n"
    project.drop("claims/a.csv", content)
    batch_id = project.load("payer.claims").batch_id
    archived = project.landing / "archive" / "payer" / "claims" / f"{batch_id}_a.csv"
    archived.rename(project.landing / "claims" / "a.csv")

    assert project.load("payer.claims").status == "duplicate_file"
    assert archived.read_text() == content
