"""The effect of a border check on a load: rejected, committed with a note, or not checked at all."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ingestion.bronze.border import BorderResult, check_batch
from ingestion.declared.specs import TableSpec
from ingestion.loads import load
from tests.python.ingestion.conftest import CLAIMS, Project, source

BAD = "ClaimID,Amount\nC1,1.00\nC2,\nC3,3.00\n"
GOOD = "ClaimID,Amount\nC1,1.00\nC2,2.00\nC3,3.00\n"


def declare(project: Project, severity: str) -> None:
    """Claims whose amount is required."""
    claims = deepcopy(CLAIMS)
    claims["config"]["meta"]["contract"] = {"severity": {"required": severity}}
    claims["columns"][1]["config"] = {"meta": {"required": True}}
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [claims])])


def parts(project: Project) -> int:
    return len(list((project.root / "lakehouse" / "bronze").rglob("*.parquet")))


def test_a_rejected_batch_leaves_nothing_and_its_file_stays(project: Project) -> None:
    declare(project, "reject")
    waiting = project.drop("claims/a.csv", BAD)

    result = project.load("payer.claims")

    assert (result.status, result.error_class, result.rows_written) == ("failed", "BorderRejectedError", 0)
    assert "reject (required): column Amount is required and empty in 1 rows" in (result.message or "")
    assert (project.bronze("payer.claims"), parts(project)) == ([], 0)
    assert waiting.exists()
    assert [logged.status for logged in project.log()] == ["failed"]

    project.drop("claims/a.csv", GOOD)
    assert (project.load("payer.claims").status, parts(project)) == ("committed", 1)
    assert not waiting.exists()


@pytest.mark.parametrize("severity", ["quarantine", "warn"])
def test_a_batch_at_fault_that_is_not_rejected_lands_whole_and_says_so(project: Project, severity: str) -> None:
    declare(project, severity)
    project.drop("claims/a.csv", BAD)

    result = project.load("payer.claims")

    assert (result.status, result.rows_written, result.checks_failed) == ("committed", 3, "required:Amount")
    assert f"{severity} (required): column Amount is required" in (result.message or "")


def test_a_load_whose_border_check_fails_leaves_nothing_and_the_next_one_lands(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "reject")
    waiting = project.drop("claims/a.csv", GOOD)

    def break_part(table: TableSpec, part: Path, *rest: Any) -> BorderResult:  # noqa: ANN401 - as given
        part.write_bytes(part.read_bytes()[:-8])
        return check_batch(table, part, *rest)

    with monkeypatch.context() as broken:
        broken.setattr(load, "check_batch", break_part)
        result = project.load("payer.claims")

    assert (result.status, result.error_class) == ("failed", "BorderUnavailableError")
    assert (project.bronze("payer.claims"), parts(project)) == ([], 0)
    assert waiting.exists()
    assert project.load("payer.claims").status == "committed"
