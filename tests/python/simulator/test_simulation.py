from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator import SimulationError, simulate


def contents(lakehouse: Path) -> dict[str, str]:
    """Digest of every file below the lakehouse."""
    return {
        str(path.relative_to(lakehouse)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(lakehouse.rglob("*"))
        if path.is_file()
    }


def modification_times(lakehouse: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(lakehouse.rglob("*"))}


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    simulate(tmp_path / "one", patients=200, seed=3, day=2)
    simulate(tmp_path / "two", patients=200, seed=3, day=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    simulate(tmp_path / "one", patients=200, seed=3)
    simulate(tmp_path / "two", patients=200, seed=4)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one["sources/hospital_a.db"] != two["sources/hospital_a.db"]


def test_a_repeated_call_changes_nothing(tmp_path: Path) -> None:
    first = simulate(tmp_path, patients=200, seed=3, day=1)
    before = modification_times(tmp_path)
    second = simulate(tmp_path, patients=200, seed=3, day=1)
    assert modification_times(tmp_path) == before
    assert (first.changed, second.changed) == (True, False)
    assert second.rows == first.rows
    assert second.files == ()


def test_one_jump_equals_single_days(tmp_path: Path) -> None:
    simulate(tmp_path / "jump", patients=200, seed=3)
    simulate(tmp_path / "jump", patients=200, seed=3, day=7)
    simulate(tmp_path / "at_once", patients=200, seed=3, day=7)
    for day in range(8):
        simulate(tmp_path / "daily", patients=200, seed=3, day=day)
    assert contents(tmp_path / "jump") == contents(tmp_path / "daily") == contents(tmp_path / "at_once")


def test_archived_files_are_not_delivered_again(tmp_path: Path) -> None:
    simulate(tmp_path, patients=200, seed=3)
    shutil.rmtree(tmp_path / "landing")
    summary = simulate(tmp_path, patients=200, seed=3, day=1)
    delivered = {str(path.relative_to(tmp_path / "landing")) for path in (tmp_path / "landing").rglob("*.csv")}
    assert delivered == set(summary.files)
    assert all("2025-01-0" in name for name in delivered)


def test_a_killed_run_is_repaired_by_the_next(tmp_path: Path) -> None:
    simulate(tmp_path / "whole", patients=200, seed=3, day=2)
    simulate(tmp_path / "killed", patients=200, seed=3, day=1)
    state = (tmp_path / "killed/sources/simulation.json").read_bytes()
    simulate(tmp_path / "killed", patients=200, seed=3, day=2)
    # The state is written last: a run that died before it leaves the earlier one, and perhaps half a database beside.
    (tmp_path / "killed/sources/simulation.json").write_bytes(state)
    (tmp_path / "killed/sources/.hospital_a.db.tmp").write_bytes(b"half a database")
    simulate(tmp_path / "killed", patients=200, seed=3, day=2)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_lost_database_is_written_again(tmp_path: Path) -> None:
    simulate(tmp_path, patients=200, seed=3)
    before = contents(tmp_path)
    (tmp_path / "sources/hospital_b.db").unlink()
    simulate(tmp_path, patients=200, seed=3)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("patients", "seed", "day", "message"),
    [
        (300, 3, 1, r"patients=200 \(not 300\).*use another lakehouse"),
        (200, 4, 1, r"seed=3 \(not 4\).*use another lakehouse"),
        (200, 3, 0, r"reached day 1.*use another lakehouse"),
        (20, 3, 1, "100 or more"),
        (200, -1, 1, "seed is 0 or more"),
    ],
)
def test_a_request_that_does_not_fit_says_what_to_do(
    tmp_path: Path, patients: int, seed: int, day: int, message: str
) -> None:
    simulate(tmp_path, patients=200, seed=3, day=1)
    before = modification_times(tmp_path)
    with pytest.raises(SimulationError, match=message) as caught:
        simulate(tmp_path, patients=patients, seed=seed, day=day)
    assert "\n" not in str(caught.value)
    assert modification_times(tmp_path) == before


def test_the_smallest_group_works_for_months(tmp_path: Path) -> None:
    assert simulate(tmp_path, patients=100, seed=11, day=120).day == 120


def test_progress_is_reported(tmp_path: Path) -> None:
    steps: list[str] = []
    simulate(tmp_path, patients=200, seed=3, progress=steps.append)
    assert any("hospital_b" in step for step in steps)


def test_scale_grows_with_patients(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    started = time.perf_counter()
    summary = simulate(tmp_path, patients=10_000, seed=3)
    transactions = sum(tables["transactions"] for tables in summary.rows.values())
    record_property("transactions", transactions)
    record_property("seconds", round(time.perf_counter() - started, 2))
    assert transactions > 60_000
