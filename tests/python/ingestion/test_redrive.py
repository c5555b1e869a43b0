"""Dead letters: lines that cannot be read are counted, listed, kept for a steward, and redriven once corrected."""

from pathlib import Path

import pytest

from ingestion.bronze.audit import LoadResult
from ingestion.bronze.places import audit_log
from tests.python.ingestion.conftest import Project

FILE = "ClaimID,Amount\nC1,1.00\nC2\nC3,3.00\nC4,4.00,5\n"


def rejects_folder(project: Project) -> Path:
    return project.landing / "rejects" / "payer" / "claims"


def waiting(project: Project) -> Path:
    """The one file of rejected lines."""
    [place] = rejects_folder(project).iterdir()
    return place


def listed(project: Project) -> list[tuple[str, int, str | None]]:
    rows = audit_log(project.settings()).rejected_lines().to_pylist()
    return [(row["source_file"], row["line"], row["redrive_of"]) for row in rows]


@pytest.fixture
def rejected(project: Project) -> LoadResult:
    project.drop("claims/may.csv", FILE)
    return project.load("payer.claims")


def test_good_lines_land_and_bad_ones_are_counted_and_listed(project: Project, rejected: LoadResult) -> None:
    assert (rejected.status, rejected.rows_written, rejected.rows_rejected) == ("committed", 2, 2)
    assert [row["ClaimID"] for row in project.bronze("payer.claims")] == ["C1", "C3"]
    assert listed(project) == [("claims/may.csv", 3, None), ("claims/may.csv", 5, None)]
    assert waiting(project).read_text() == "ClaimID,Amount\nC2\nC4,4.00,5\n"
    assert waiting(project).name == f"{rejected.batch_id}_may.csv"
    assert len(list((project.landing / "archive").rglob("*may.csv"))) == 1


def test_rejects_hold_no_values(project: Project) -> None:
    project.drop("claims/may.csv", "ClaimID,Amount\nC1,1.00\nSECRET\n")
    project.load("payer.claims")

    assert "SECRET" not in str(audit_log(project.settings()).rejected_lines().to_pylist())
    assert "SECRET" not in str(project.log())


@pytest.mark.usefixtures("rejected")
def test_corrected_lines_land_with_the_name_of_their_file(project: Project) -> None:
    waiting(project).write_text("ClaimID,Amount\nC2,2.00\nC4,4.00\n")

    [result] = project.redrive()

    assert (result.status, result.load_type, result.rows_written) == ("committed", "redrive", 2)
    rows = project.bronze("payer.claims", ["ClaimID", "_source_file", "_load_type"])
    assert [row["ClaimID"] for row in rows] == ["C1", "C3", "C2", "C4"]
    assert {row["_source_file"] for row in rows} == {"claims/may.csv"}
    assert {row["_load_type"] for row in rows} == {"incremental"}
    assert list(rejects_folder(project).iterdir()) == []
    assert project.redrive() == []


def test_what_is_still_bad_waits_again(project: Project, rejected: LoadResult) -> None:
    waiting(project).write_text("ClaimID,Amount\nC2,2.00\nC4,4.00,5\n")

    [result] = project.redrive()

    assert (result.rows_written, result.rows_rejected) == (1, 1)
    assert waiting(project).read_text() == "ClaimID,Amount\nC4,4.00,5\n"
    assert listed(project)[-1] == ("claims/may.csv", 3, rejected.batch_id)


@pytest.mark.usefixtures("rejected")
def test_lines_nobody_corrected_stay_where_they_are(project: Project) -> None:
    before = waiting(project)

    [result] = project.redrive()

    assert (result.status, result.error_class) == ("failed", "UnreadableFileError")
    assert "no line can be read" in (result.message or "")
    assert waiting(project) == before


def test_a_file_without_a_readable_line_lands_nowhere_and_stays(project: Project) -> None:
    place = project.drop("claims/bad.csv", "ClaimID,Amount\nC1\nC2\n")

    result = project.load("payer.claims")

    assert (result.status, result.error_class) == ("failed", "UnreadableFileError")
    assert place.exists()


@pytest.mark.usefixtures("rejected")
def test_a_renamed_file_of_rejects_says_so(project: Project) -> None:
    waiting(project).rename(rejects_folder(project) / "mine.csv")

    [result] = project.redrive()

    assert result.status == "failed"
    assert "give it its old name back" in (result.message or "")


@pytest.mark.usefixtures("rejected")
def test_the_same_bytes_again_bring_no_rejects_again(project: Project) -> None:
    waiting(project).write_text("ClaimID,Amount\nC2,2.00\nC4,4.00\n")
    project.redrive()
    project.drop("claims/resent.csv", FILE)

    assert project.load("payer.claims").status == "duplicate_file"

    assert list(rejects_folder(project).iterdir()) == []
    assert len(listed(project)) == 2
