"""Quotes that join records, and files that were joined: said, and never taken for values."""

import pytest

from ingestion.bronze.places import audit_log
from tests.python.ingestion.conftest import Project, source

BILLS = {
    "name": "bills",
    "config": {"meta": {"load": {"files": "bills/*.csv", "mode": "incremental", "key": ["BillID"]}}},
    "columns": [{"name": name, "data_type": "string"} for name in ("BillID", "Note", "Amount")],
}
HEADER = "BillID,Note,Amount\n"


@pytest.fixture
def bills(project: Project) -> Project:
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [BILLS])])
    return project


def lines(first: int, last: int) -> list[str]:
    return [f"B{number},note {number},{number}.00" for number in range(first, last + 1)]


def test_two_stray_quotes_lose_no_record_in_silence(bills: Project) -> None:
    rows = lines(2, 50)
    # A quote opens a field of line 10 and one closes a field of line 48.
    rows[8], rows[46] = 'B10,"note 10,10.00', 'B48,note 48",48.00'
    bills.drop("bills/a.csv", HEADER + "\n".join(rows) + "\n")

    [result] = bills.ingest().results

    assert [row["BillID"] for row in bills.bronze("payer.bills")] == [f"B{n}" for n in (*range(2, 10), 49, 50)]
    assert (result.status, result.rows_rejected) == ("committed", 1)
    [reject] = audit_log(bills.settings()).rejected_lines().to_pylist()
    assert reject["line"] == 10
    assert reject["reason"] == (
        "two quotes join 39 lines, which are whole records, into one value; everything from there to line 48 is in it"
    )
    [kept] = list((bills.landing / "rejects" / "payer" / "bills").iterdir())
    assert kept.read_text() == HEADER + "\n".join(rows[8:47]) + "\n"


def test_two_neighbours_that_quotes_join_are_seen_too(bills: Project) -> None:
    bills.drop("bills/a.csv", HEADER + 'B1,"x,1.00\nB2,y",2.00\nB3,z,3.00\n')
    bills.ingest()
    assert [row["BillID"] for row in bills.bronze("payer.bills")] == ["B3"]


def test_a_note_of_several_lines_is_a_value(bills: Project) -> None:
    note = "12 Main Street, Suite 4\nSpringfield\r\nIL, USA"
    bills.drop("bills/a.csv", HEADER + f'B1,"{note}",1.00\nB2,"one\ntwo, three",2.00\n')
    [result] = bills.ingest().results
    assert result.rows_rejected == 0
    assert [row["Note"] for row in bills.bronze("payer.bills")] == [note, "one\ntwo, three"]


@pytest.mark.parametrize("again", [HEADER, '"billid", "Note","Amount"\r\n'])
def test_a_header_inside_a_file_is_said_and_no_row(bills: Project, again: str) -> None:
    bills.drop("bills/a.csv", HEADER + "B1,x,1.00\n" + again + "B2,y,2.00\n")

    bills.ingest()

    assert [row["BillID"] for row in bills.bronze("payer.bills")] == ["B1", "B2"]
    [reject] = audit_log(bills.settings()).rejected_lines().to_pylist()
    assert (reject["line"], reject["reason"]) == (3, "it is the header again, as where files were joined")
