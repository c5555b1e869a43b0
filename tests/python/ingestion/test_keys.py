"""Irregular keys: twice in the source, renamed, reused; and lags of less than a day."""

from copy import deepcopy
from typing import Any

import pytest

from tests.python.ingestion.conftest import CLAIMS, VISITS, Project, source

DAY_1, DAY_5 = "2024-01-01 08:00:00", "2024-01-05 08:00:00"


def declared(project: Project, table: dict[str, Any], **load: object) -> None:
    changed = deepcopy(table)
    changed["config"]["meta"]["load"] |= load
    project.declare([source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [changed])])


def test_a_key_that_is_twice_in_the_source_lands_whole_and_then_rests(project: Project) -> None:
    project.visit(("v1", 10, None, DAY_1), ("v2", 1, None, DAY_1))
    project.load("emr.visits")
    project.visit(("v1", 999, None, DAY_1))

    result = project.load("emr.visits")

    assert (result.status, result.rows_written, result.rows_duplicate) == ("committed", 2, 1)
    assert {project.load("emr.visits").status for _ in range(3)} == {"unchanged"}


def test_a_content_that_comes_back_lands_again(project: Project) -> None:
    project.visit(("v1", 10, None, DAY_1))
    for amount in (10, 20, 10):
        project.sql(f"update visits set Amount = {amount}")
        assert project.load("emr.visits").status == "committed"

    assert [str(row["Amount"]) for row in project.bronze("emr.visits")] == ["10.00", "20.00", "10.00"]


def test_another_order_of_the_columns_brings_nothing(project: Project) -> None:
    project.visit(("v1", 10, None, DAY_1))
    project.load("emr.visits")
    turned = deepcopy(VISITS)
    turned["columns"].reverse()
    declared(project, turned)

    assert project.load("emr.visits").status == "unchanged"
    assert project.load("emr.visits", full=True).status == "unchanged"


def test_a_key_column_that_bronze_lacks_keeps_nothing_from_loading(project: Project) -> None:
    for amount in (1, 2, 3):
        project.visit((f"v{amount}", amount, None, DAY_1))
        project.load("emr.visits")
    project.sql("alter table visits add column Line text")
    wider = deepcopy(VISITS)
    wider["columns"].append({"name": "Line", "data_type": "string"})
    declared(project, wider, key=["VisitID", "Line"])

    assert project.load("emr.visits").status == "committed"
    assert project.load("emr.visits").status == "unchanged"
    assert project.load("emr.visits", full=True).status == "unchanged"


@pytest.mark.parametrize("lag", ["PT12H", "P1D"])
def test_a_lag_of_hours_is_a_day_of_a_date(project: Project, lag: str) -> None:
    dated = deepcopy(VISITS)
    declared(project, dated, watermark="VisitDate", lag=lag)
    project.visit(("v1", 1, "2024-12-31", DAY_1))
    project.load("emr.visits")
    project.visit(("late", 2, "2024-12-30", DAY_1))

    assert project.load("emr.visits").rows_written == 1


def test_a_blank_watermark_is_none(project: Project) -> None:
    project.visit(("v1", 1, None, DAY_1))
    project.load("emr.visits")
    project.visit(("blank", 2, None, ""))
    assert project.load("emr.visits").rows_written == 1

    declared(project, VISITS, null_watermark="fail")
    assert project.load("emr.visits").error_class == "NullWatermarkError"


def test_a_column_that_differs_in_capitals_from_bronze_is_refused(project: Project) -> None:
    evolving = deepcopy(CLAIMS)
    evolving["config"]["meta"]["contract"] = {"columns": "evolve"}
    project.declare([source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [evolving])])
    project.drop("claims/1.csv", "ClaimID,Amount,Note\nC1,1,a\n")
    assert project.load("payer.claims").status == "committed"
    project.drop("claims/2.csv", "ClaimID,Amount,note\nC2,2,b\n")

    result = project.load("payer.claims")

    assert (result.status, result.error_class) == ("failed", "SchemaDriftError")
    assert "claims/2.csv: column note is Note in bronze" in (result.message or "")


def test_rejected_lines_of_a_file_that_came_again_overwrite_nothing(project: Project) -> None:
    project.drop("claims/may.csv", "ClaimID,Amount\nC1,1\nC2\n")
    project.load("payer.claims")
    project.drop("claims/may.csv", "ClaimID,Amount\nC1,1\nC2,100\n")
    project.load("payer.claims")
    [waiting] = (project.landing / "rejects" / "payer" / "claims").iterdir()
    waiting.write_text("ClaimID,Amount\nC2,90\n")

    result = project.redrive()[0]

    assert result.status == "failed"
    assert "claims/may.csv came again as batch" in (result.message or "")


def test_a_committed_file_that_cannot_be_archived_is_told_as_loaded(project: Project) -> None:
    project.drop("claims/may.csv", "ClaimID,Amount\nC1,1\n")
    project.drop("archive", "in the way")

    result = project.load("payer.claims")

    assert (result.status, result.rows_written) == ("committed", 1)
    assert "claims/may.csv: was not archived" in (result.message or "")
    assert project.load("payer.claims").rows_written == 0
