"""Backfills and periodic full reads: they find late-arriving rows and deletions that an increment misses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion.bronze.audit import LoadResult
from ingestion.loads.load import ingest
from ingestion.loads.plan import plan_table
from ingestion.sources.control_table import load_systems
from ingestion.sources.planned import Request
from tests.python.ingestion.conftest import VISITS, WARDS, Project, source

DAY_1, DAY_5, DAY_9 = "2024-01-01 08:00:00", "2024-01-05 08:00:00", "2024-01-09 08:00:00"


def backfill(project: Project, since: str | None, until: str | None) -> dict[str, LoadResult]:
    settings = project.settings()
    systems = load_systems(settings.project_dir, settings.bronze_dir)
    summary = ingest(settings, systems, source="emr", request=Request(since=since, until=until))
    return {result.label: result for result in summary.results}


@pytest.fixture
def loaded(project: Project) -> Project:
    """Three visits in bronze, and one that was written late with the date of the first."""
    project.visit(("v1", 1, None, DAY_1), ("v5", 5, None, DAY_5), ("v9", 9, None, DAY_9))
    project.load("emr.visits")
    project.visit(("late", 2, None, DAY_1))
    return project


def test_a_backfill_brings_what_an_increment_passes_by(loaded: Project) -> None:
    assert loaded.load("emr.visits").status == "unchanged"

    result = backfill(loaded, "2024-01-01", "2024-01-05 08:00:00")["emr.visits"]

    assert (result.status, result.load_type) == ("committed", "backfill")
    assert (result.rows_read, result.rows_written) == (3, 1)
    assert (result.watermark_low, result.watermark_high) == ("2024-01-01", "2024-01-05 08:00:00")
    assert loaded.bronze("emr.visits", ["VisitID", "_load_type"])[-1] == {
        "VisitID": "late",
        "_load_type": "incremental",
    }


def test_a_backfill_moves_no_watermark_and_repeats_nothing(loaded: Project) -> None:
    backfill(loaded, "2024-01-01", "2024-01-02")

    assert backfill(loaded, "2024-01-01", "2024-01-02")["emr.visits"].status == "unchanged"
    assert loaded.load("emr.visits").watermark_low == DAY_9


def test_both_ends_of_a_range_may_be_open_and_count_themselves(loaded: Project) -> None:
    assert backfill(loaded, DAY_5, None)["emr.visits"].rows_read == 2
    assert backfill(loaded, None, DAY_1)["emr.visits"].rows_read == 2


def test_tables_without_a_watermark_are_left_alone_and_say_why(loaded: Project) -> None:
    result = backfill(loaded, "2024-01-01", None)["emr.wards"]

    assert (result.status, result.rows_read) == ("nothing", 0)
    assert "no range to read again" in (result.message or "")


def declare(project: Project, full_every: str) -> None:
    load: dict[str, Any] = {**VISITS["config"]["meta"]["load"], "full_every": full_every}
    visits = {**VISITS, "config": {"meta": {**VISITS["config"]["meta"], "load": load}}}
    project.declare([source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [visits, WARDS])])


def planned(project: Project) -> str:
    settings = project.settings()
    [system] = load_systems(settings.project_dir, settings.bronze_dir)
    return plan_table(settings, system, system.tables[0])[0].reason


def test_a_full_read_that_is_due_finds_late_and_deleted_rows(loaded: Project) -> None:
    declare(loaded, "PT0S")
    loaded.sql("delete from visits where VisitID = 'v5'")

    result = loaded.load("emr.visits")

    assert (result.load_type, result.status, result.rows_written) == ("full", "committed", 3)
    assert sorted(row["VisitID"] for row in loaded.bronze("emr.visits") if row["_batch_id"] == result.batch_id) == [
        "late",
        "v1",
        "v9",
    ]


def test_a_full_read_is_due_by_the_log_even_where_it_found_nothing(project: Project) -> None:
    declare(project, "P7D")
    project.visit(("v1", 1, None, DAY_1))
    project.load("emr.visits")
    assert "rows that bronze has are dropped" in planned(project)

    declare(project, "PT0S")
    assert project.load("emr.visits").status == "unchanged"
    declare(project, "P1D")
    assert "rows that bronze has are dropped" in planned(project)
    [last] = [result for result in project.log() if result.status == "unchanged"]
    assert last.load_type == "full"
    assert datetime.now(UTC).replace(tzinfo=None) - last.started_at < timedelta(minutes=10)


def early(project: Project) -> tuple[LoadResult, LoadResult | None]:
    """The loads of the visits in one run: the increment, and the full read that it brought forward."""
    settings = project.settings()
    systems = load_systems(settings.project_dir, settings.bronze_dir)
    first, *further = ingest(settings, systems, source="emr", table="visits").results
    return first, further[0] if further else None


def test_a_number_of_rows_that_differs_brings_the_full_read_forward(loaded: Project) -> None:
    declare(loaded, "P30D")

    first, further = early(loaded)

    assert (first.load_type, first.status) == ("incremental", "unchanged")
    assert further is not None
    assert (further.load_type, further.status, further.rows_written) == ("full", "committed", 4)
    assert "the source has 4 rows, bronze 3, so some came late unseen" in str(further.message)
    loaded.sql("delete from visits where VisitID = 'v1'")
    loaded.visit(("v10", 1, None, "2024-01-10 08:00:00"), ("v11", 1, None, "2024-01-11 08:00:00"))
    first, further = early(loaded)
    assert (first.load_type, first.rows_written) == ("incremental", 2)
    assert further is not None
    assert (further.status, further.rows_written) == ("committed", 5)
    assert "bronze 6, so some were deleted unseen" in str(further.message)


def test_equal_numbers_and_rows_that_came_meanwhile_are_no_reason(loaded: Project) -> None:
    loaded.sql("delete from visits where VisitID = 'late'")
    declare(loaded, "P30D")
    assert early(loaded)[1] is None
    # An undated row, and one from the future: read by every load, and counted.
    loaded.visit(("none", 1, None, None), ("future", 1, None, "2999-01-01 00:00:00"))
    first, further = early(loaded)
    assert (first.rows_written, further) == (2, None)
    loaded.visit(("v9", 7, None, "2024-01-12 08:00:00"))
    loaded.sql("delete from visits where VisitID = 'v9' and Amount = 9")
    assert early(loaded)[1] is None
