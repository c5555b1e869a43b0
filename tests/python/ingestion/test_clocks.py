"""Clocks without a zone: as moments in UTC, as watermarks, and as days; with zones on both sides of Greenwich."""

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from ingestion.declared.clocks import days_of_moments, local_day, utc_of_clocks
from ingestion.declared.watermark import lower_bound
from tests.python.ingestion.conftest import VISITS, Project, source

NEW_YORK, KOLKATA, LORD_HOWE = "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"
ST_JOHNS, HONOLULU, HAVANA = "America/St_Johns", "Pacific/Honolulu", "America/Havana"


@pytest.mark.parametrize(
    ("zone", "clock", "moment"),
    [
        (NEW_YORK, "2026-07-01 00:00", "2026-07-01 04:00"),
        (NEW_YORK, "2026-12-01 00:00", "2026-12-01 05:00"),
        # The repeated hour, and the minutes beside it.
        (NEW_YORK, "2026-11-01 00:59", "2026-11-01 04:59"),
        (NEW_YORK, "2026-11-01 01:10", "2026-11-01 05:00"),
        (NEW_YORK, "2026-11-01 01:59", "2026-11-01 05:00"),
        (NEW_YORK, "2026-11-01 02:00", "2026-11-01 07:00"),
        # The skipped hour.
        (NEW_YORK, "2026-03-08 01:59", "2026-03-08 06:59"),
        (NEW_YORK, "2026-03-08 02:30", "2026-03-08 07:30"),
        (NEW_YORK, "2026-03-08 03:00", "2026-03-08 07:00"),
        # Midnight is skipped.
        (HAVANA, "2026-03-08 00:30", "2026-03-08 05:30"),
        (KOLKATA, "2026-11-01 01:10", "2026-10-31 19:40"),
        (HONOLULU, "2026-10-31 22:30", "2026-11-01 08:30"),
        (ST_JOHNS, "2026-11-01 01:40", "2026-11-01 03:30"),
        # Clocks that go back by half an hour.
        (LORD_HOWE, "2026-04-05 01:20", "2026-04-04 14:20"),
        (LORD_HOWE, "2026-04-05 01:40", "2026-04-04 14:30"),
        (LORD_HOWE, "2026-04-05 02:00", "2026-04-04 15:30"),
    ],
)
def test_a_clock_becomes_utc(zone: str, clock: str, moment: str) -> None:
    clocks = pa.array([datetime.fromisoformat(clock), None], pa.timestamp("us"))
    assert utc_of_clocks(clocks, zone).to_pylist() == [datetime.fromisoformat(moment), None]


def test_moments_become_days_of_the_zone() -> None:
    moments = pa.array([datetime(2026, 11, 1, 2, 30), datetime(2026, 10, 31, 18, 29), None], pa.timestamp("us"))
    assert days_of_moments(moments, NEW_YORK).to_pylist() == [date(2026, 10, 31), date(2026, 10, 31), None]
    assert days_of_moments(moments, KOLKATA).to_pylist() == [date(2026, 11, 1), date(2026, 10, 31), None]


def test_a_month_is_over_by_the_clocks_of_the_hospital() -> None:
    moment = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
    days = [local_day(moment, zone) for zone in (NEW_YORK, HONOLULU, "UTC", KOLKATA)]
    assert days == [date(2026, 10, 31), date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 1)]


@pytest.mark.parametrize(
    ("zone", "watermark", "lag", "bound"),
    [
        # A row of the second 01:00 is written after one of the first 01:40.
        (NEW_YORK, "2026-11-01 01:40", timedelta(0), "2026-11-01 00:40"),
        (NEW_YORK, "2026-11-01 01:40", timedelta(minutes=30), "2026-11-01 00:10"),
        (NEW_YORK, "2026-11-01 00:40", timedelta(0), "2026-11-01 00:40"),
        (NEW_YORK, "2026-11-01 02:10", timedelta(0), "2026-11-01 02:10"),
        (NEW_YORK, "2026-11-01 02:30", timedelta(hours=2), "2026-11-01 00:30"),
        # Half an hour before 03:10 the clocks showed 01:40.
        (NEW_YORK, "2026-03-08 03:10", timedelta(minutes=30), "2026-03-08 01:40"),
        (NEW_YORK, "2026-03-08 02:30", timedelta(0), "2026-03-08 02:30"),
        (LORD_HOWE, "2026-04-05 01:40", timedelta(0), "2026-04-05 01:10"),
        (KOLKATA, "2026-11-01 01:40", timedelta(minutes=30), "2026-11-01 01:10"),
        # A zone of its own, and none.
        (NEW_YORK, "2026-11-01 01:40+00:00", timedelta(0), "2026-11-01 01:40"),
        ("UTC", "2026-11-01 01:40", timedelta(0), "2026-11-01 01:40"),
        (NEW_YORK, "0001-01-01 00:00", timedelta(days=2), "0001-01-01"),
    ],
)
def test_an_increment_reads_the_repeated_hour_again(zone: str, watermark: str, lag: timedelta, bound: str) -> None:
    assert lower_bound(watermark, "timestamp", lag, zone) == bound


def declared_in(project: Project, zone: str | None, **load: str) -> None:
    visits: dict[str, Any] = copy.deepcopy(VISITS)
    visits["config"]["meta"]["load"] |= {"lag": "PT0S", **load}
    emr = source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [visits])
    if zone is not None:
        emr["config"]["meta"]["dialect"] = {"time_zone": zone}
    project.declare([emr])


def landed(project: Project) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in project.bronze("emr.visits", ["VisitID", "Amount", "ModifiedDate"])]


def test_a_change_at_the_second_01_10_is_read_without_a_lag(project: Project) -> None:
    declared_in(project, NEW_YORK)
    project.visit(("v1", 10, None, "2024-11-03 01:40:00"), ("v2", 20, None, "2024-11-03 00:30:00"))
    assert project.load("emr.visits").rows_written == 2
    project.sql("update visits set Amount = 11, ModifiedDate = '2024-11-03 01:10:00' where VisitID = 'v1'")
    assert project.load("emr.visits").rows_written == 1
    moment = datetime(2024, 11, 3, 5)
    assert [(row[0], row[2]) for row in landed(project)] == [
        ("v1", moment),
        ("v2", datetime(2024, 11, 3, 4, 30)),
        ("v1", moment),
    ]
    assert project.load("emr.visits").rows_written == 0


def test_a_clock_without_a_declared_zone_is_utc(project: Project) -> None:
    declared_in(project, None)
    project.visit(("v1", 10, None, "2024-11-03 01:40:00"), ("v2", 20, None, "2024-07-01T10:00:00+05:30"))
    project.load("emr.visits")
    assert [row[2] for row in landed(project)] == [datetime(2024, 11, 3, 1, 40), datetime(2024, 7, 1, 4, 30)]


def test_text_with_an_offset_is_a_moment_and_a_day_of_the_zone(project: Project) -> None:
    declared_in(project, NEW_YORK)
    project.visit(
        ("v1", 10, "2024-10-31 22:30:00-04:00", "2024-10-31 22:30-04"),
        ("v2", 10, "2024-11-01T02:30:00Z", "2024-10-31T22:30:00Z"),
        ("v3", 10, "2024-10-31", "2024-10-31 22:30:00"),
    )
    project.load("emr.visits")
    rows = project.bronze("emr.visits", ["VisitDate", "ModifiedDate"])
    assert [row["VisitDate"] for row in rows] == [date(2024, 10, 31)] * 3
    night = datetime(2024, 11, 1, 2, 30)
    assert [row["ModifiedDate"] for row in rows] == [night, datetime(2024, 10, 31, 22, 30), night]


def test_now_is_read_by_the_clock_of_the_zone(project: Project) -> None:
    """East of Greenwich the last hours are not in the future."""
    declared_in(project, KOLKATA)
    now = datetime.now(UTC) + timedelta(hours=5, minutes=25)
    project.visit(("v1", 10, None, f"{now:%Y-%m-%d %H:%M:%S}"))
    assert project.load("emr.visits").watermark_high == f"{now:%Y-%m-%d %H:%M:%S}"
