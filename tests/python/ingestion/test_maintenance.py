"""Compaction, vacuum and checkpoints: fewer files, and not a row or a batch less."""

from pathlib import Path

import duckdb
import pytest

from ingestion.loads.maintenance import Maintained, maintain
from ingestion.sources.control_table import load_systems
from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.ingestion.conftest import Project

DAY = "2024-01-01 08:00:00"


def maintained(project: Project, label: str) -> Maintained:
    settings = project.settings()
    done = {table.label: table for table in maintain(settings, load_systems(settings.project_dir, settings.bronze_dir))}
    return done[label]


def folder(project: Project) -> Path:
    return project.root / "lakehouse" / "bronze" / "emr" / "visits"


@pytest.fixture
def grown(project: Project) -> Project:
    """A table of five batches, one part each."""
    for number in range(5):
        project.visit((f"v{number}", number, None, DAY))
        project.load("emr.visits")
    return project


def test_many_small_files_become_one_with_the_same_rows(grown: Project) -> None:
    before = grown.bronze("emr.visits")

    result = maintained(grown, "emr.visits")

    assert (result.files_before, result.files_after, result.problem) == (5, 1, None)
    assert grown.bronze("emr.visits") == before
    with duckdb.connect() as engine:
        load_delta(engine)
        [(rows, hashes)] = engine.execute(
            f"select count(*), count(distinct _row_hash) from delta_scan('{folder(grown)}')"
        ).fetchall()
    assert (rows, hashes) == (5, 5)


def test_batches_watermark_and_known_rows_survive(grown: Project) -> None:
    batches = [result.batch_id for result in grown.log()]

    maintained(grown, "emr.visits")

    assert grown.load("emr.visits").status == "unchanged"
    assert grown.load("emr.visits").watermark_low == DAY
    grown.visit(("v9", 9, None, DAY))
    result = grown.load("emr.visits")
    assert (result.status, result.rows_written) == ("committed", 1)
    assert set(batches) < {logged.batch_id for logged in grown.log()}


def test_files_of_older_versions_outlive_the_horizon_only(grown: Project) -> None:
    result = maintained(grown, "emr.visits")

    assert result.vacuumed == 0
    assert len(list(folder(grown).glob("*.parquet"))) == 6


def test_what_a_killed_run_left_behind_goes(grown: Project) -> None:
    left = folder(grown) / "part-20240101T000000000000-emr.visits.parquet"
    left.write_bytes(b"half a file")

    assert maintained(grown, "emr.visits").orphans == 1

    assert not left.exists()


def test_a_second_time_changes_nothing(grown: Project) -> None:
    maintained(grown, "emr.visits")

    result = maintained(grown, "emr.visits")

    assert (result.files_before, result.files_after) == (1, 1)


def test_a_table_that_is_being_loaded_is_left_alone(grown: Project) -> None:
    with (grown.settings().lakehouse / "locks" / "emr.visits.lock").exclusive():
        result = maintained(grown, "emr.visits")

    assert result.problem == "is being loaded"


def test_a_table_without_a_batch_is_nothing_to_maintain(project: Project) -> None:
    assert maintained(project, "emr.wards") == Maintained("emr.wards")
