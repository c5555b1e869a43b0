"""SIGKILL at every boundary of a load: loads are idempotent, so a restart ends in the state of an uninterrupted run."""

import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingestion.sources.planned import Request
from tests.python.faults.lakehouse import (
    Account,
    Lakehouse,
    account,
    ingest_here,
    maintain_here,
    redrive_here,
    versions,
)
from tests.python.faults.processes import At, Boundary, run, start

# Another seed kills at other occurrences of the same boundaries, in other orders.
SEED = int(os.environ.get("RCM_KILL_SEED", "3"))
# Every function of these files is killed at one of its lines at least, and at every line that calls what writes.
FILES = (
    "bronze/table.py",
    "bronze/part.py",
    "bronze/batch.py",
    "bronze/audit.py",
    "loads/load.py",
    "loads/redrive.py",
    "loads/maintenance.py",
    "sources/landing.py",
)
WRITERS = re.compile(
    "_append_once|_commit|_discard|_draft|_load_file|write_part|append|archive_file|catch_up|compact|create_.*|"
    "delete|exclusive|keep_rejects|mkdir|move|note_rejects|rmdir|rmtree|sweep|vacuum|write.*"
)
# Takes twice as long: every line of these files that calls anything.
EVERY_LINE = "RCM_KILL_EVERY_LINE" in os.environ
KILLS_IN_A_ROW = 6
# At moments that nothing chooses, with four tables at once.
RANDOM_KILLS = 16
LEAST_KILLS = 100

# File and function; line and whether before or after the call, where that counts.
Site = tuple[str, str, tuple[int, str] | None]
Task = Callable[..., object]


@dataclass(frozen=True)
class Scenario:
    """Something that is killed, and started again until it is through.

    Args:
        name: What happens.
        base: Lakehouse in which it would happen.
        task: What a process does.
        boundaries: Every one that it passes where nobody kills it.
        seconds: How long it took.
        settled: What the lakehouse holds then.
    """

    name: str
    base: Path
    task: Task
    boundaries: tuple[Boundary, ...]
    seconds: float
    settled: Account


def first_load(lakehouse: Lakehouse) -> None:
    lakehouse.visit(("V1", "10.50", "2024-01-01 08:00:00"), ("V2", "7.00", "2024-01-02"), ("V3", "1.25", None))
    lakehouse.ward(("W1", "North"), ("W2", "South"))
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2,2,3\nC3,3\nC4\n")
    lakehouse.drop("claims/b.csv", "ClaimID,Amount\nC5,5\nC6,6\n")
    lakehouse.drop("claims/c.csv", "ClaimID,Amount\nC5,5\nC6,6\n")
    lakehouse.drop("codes/2023.csv", "code,text\nA,x\nB,y\n")


def loaded(lakehouse: Lakehouse) -> None:
    first_load(lakehouse)
    run(lakehouse.root, ingest_here)


def next_day(lakehouse: Lakehouse) -> None:
    """An update, a late row, a row without a watermark, a deletion, a correction, a copy, rejects, a new release."""
    loaded(lakehouse)
    lakehouse.sql("update visits set Amount = 11.00, ModifiedDate = '2024-01-03' where VisitID = 'V1'")
    lakehouse.visit(("V4", "4.00", "2024-01-01 12:00:00"), ("V5", "5.00", None), ("V6", "6.00", "2024-01-03"))
    lakehouse.sql("delete from wards where WardID = 'W1'")
    lakehouse.ward(("W3", "East"))
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1.10\nC2,2,3\n")
    lakehouse.drop("claims/copy.csv", "ClaimID,Amount\nC5,5\nC6,6\n")
    lakehouse.drop("codes/2024.csv", "code,text\nA,x\nC,z\n")


def older_rows(lakehouse: Lakehouse) -> None:
    next_day(lakehouse)
    run(lakehouse.root, ingest_here)
    lakehouse.visit(("V7", "7.00", "2023-01-31"), ("V8", "8.00", "2022-12-31"), ("V9", "9.00", "2023-02-01"))
    lakehouse.sql("delete from visits where VisitID = 'V2'")


def corrected_rejects(lakehouse: Lakehouse) -> None:
    """One of two rejected lines of a file is corrected, the other is not."""
    loaded(lakehouse)
    [path] = lakehouse.rejects()
    path.write_text("ClaimID,Amount\nC2,2\nC4\n")


def many_files(lakehouse: Lakehouse) -> None:
    """Tables of several files, whose property lets a vacuum remove what a compaction leaves behind."""
    older_rows(lakehouse)
    run(lakehouse.root, ingest_here)
    run(lakehouse.root, partial(ingest_here, request=Request(full=True)))
    for label in ("emr.visits", "emr.wards", "payer.claims", "codes.codes"):
        delta = lakehouse.table(label).open()
        assert delta is not None
        delta.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 0 hours"})


def never_logged(lakehouse: Lakehouse) -> None:
    """Batches whose run was killed before it wrote the audit log."""
    next_day(lakehouse)
    killed = run(lakehouse.root, ingest_here, kill=At(call="append", caller="_log_problem"))
    assert killed.killed


SCENARIOS: dict[str, tuple[Callable[[Lakehouse], None], Task]] = {
    "first load": (first_load, ingest_here),
    "increment": (next_day, ingest_here),
    "full read": (older_rows, partial(ingest_here, request=Request(full=True))),
    "backfill": (older_rows, partial(ingest_here, "emr", request=Request(since="2023-01-01", until="2023-01-31"))),
    "redrive": (corrected_rejects, redrive_here),
    "maintain": (many_files, partial(maintain_here, 0)),
    "catch up": (never_logged, ingest_here),
}


def settle(task: Task) -> tuple[Account, bool]:
    """Run it to its end, take stock, and say whether a run after it commits nothing."""
    here = Lakehouse(Path.cwd())
    task()
    found, before = account(here), versions(here)
    # A vacuum is a commit of its own.
    again = ingest_here if isinstance(task, partial) and task.func is maintain_here else task
    again()
    return found, versions(here) == before


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scenario]:
    def prepared(name: str) -> Scenario:
        prepare, task = SCENARIOS[name]
        base = tmp_path_factory.mktemp(name.replace(" ", "-"))
        prepare(Lakehouse.create(base))
        with copy_of(base) as unkilled:
            began = time.monotonic()
            boundaries = run(unkilled, task, trace=True).boundaries
            seconds = time.monotonic() - began
            settled, is_over = run(unkilled, partial(settle, task)).value
        assert is_over
        return Scenario(name, base, task, boundaries, seconds, settled)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SCENARIOS, pool.map(prepared, SCENARIOS), strict=True))


class copy_of:  # noqa: N801 - a context manager
    """A copy of a folder beside it, gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self._place = folder.with_name(f"{folder.name}-{random.getrandbits(48):x}")
        self._folder = folder

    def __enter__(self) -> Path:
        shutil.copytree(self._folder, self._place)
        return self._place

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._place)


def check(folder: Path, scenario: Scenario, kills: list[Any]) -> None:
    """Restart until it is through, and compare with the run that nobody killed."""
    where = f"{scenario.name}, seed {SEED}, killed at {'; then '.join(map(str, kills))}"
    found, is_over = run(folder, partial(settle, scenario.task)).value
    assert found == scenario.settled, where
    assert is_over, f"{where}: the next run committed something again"


def kill_in_a_row(scenario: Scenario, numbers: list[int]) -> list[Boundary]:
    """Kill a run at one boundary, and its restarts at the others, where they come by; which ones were hit."""
    hit: list[Boundary] = []
    with copy_of(scenario.base) as folder:
        for number in numbers:
            boundary = scenario.boundaries[number]
            passes = 0 if hit else scenario.boundaries[:number].count(boundary)
            ended = run(folder, scenario.task, kill=At(boundary, passes))
            if ended.killed_at is None:
                break
            hit.append(ended.killed_at)
        check(folder, scenario, hit)
    return hit


def assigned(scenarios: dict[str, Scenario], chance: random.Random) -> dict[Site, tuple[str, int]]:
    """Per site one scenario and one boundary of it."""
    sites: dict[Site, list[tuple[str, int]]] = {}
    for name, scenario in scenarios.items():
        for number, boundary in enumerate(scenario.boundaries):
            if boundary.file in FILES:
                sites.setdefault(_site(boundary), []).append((name, number))
    chosen = {}
    for site, moments in sites.items():
        name = chance.choice(sorted({name for name, _ in moments}))
        chosen[site] = (name, chance.choice([number for other, number in moments if other == name]))
    return chosen


def _site(boundary: Boundary) -> Site:
    by_line = EVERY_LINE or WRITERS.fullmatch(boundary.callee) is not None
    return boundary.file, boundary.function, (boundary.line, boundary.event) if by_line else None


def in_rows(numbers: list[int]) -> Iterator[list[int]]:
    """Every k-th of the boundaries, in their order, so that the kills of a row are far from each other."""
    ordered = sorted(numbers)
    rows = -(-len(ordered) // KILLS_IN_A_ROW)
    for index in range(rows):
        yield ordered[index::rows]


def test_a_run_killed_at_any_boundary_is_made_good_by_the_next(
    scenarios: dict[str, Scenario], record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a test
    sites = assigned(scenarios, chance)
    assert {file for file, *_ in sites} == set(FILES)
    rows = [
        (scenarios[name], row)
        for name in scenarios
        for row in in_rows([number for other, number in sites.values() if other == name])
    ]
    with ThreadPoolExecutor(2) as pool:
        hits = [hit for row in pool.map(lambda pair: kill_in_a_row(*pair), rows) for hit in row]
        # A restart has less to do, and does not come by every boundary again.
        missed = sites.keys() - set(map(_site, hits))
        alone = [(scenarios[sites[site][0]], [sites[site][1]]) for site in sites if site in missed]
        hits += [hit for row in pool.map(lambda pair: kill_in_a_row(*pair), alone) for hit in row]

    assert {_site(hit) for hit in hits} >= sites.keys()
    assert len(hits) >= LEAST_KILLS
    record_property("kills", len(hits))


def test_a_run_killed_at_any_moment_is_made_good_by_the_next(scenarios: dict[str, Scenario]) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a test

    def kill(scenario: Scenario, share: float) -> bool:
        with copy_of(scenario.base) as folder:
            running = start(folder, partial(scenario.task, RCM_THREADS="4"))
            running.kill_after(share * scenario.seconds)
            killed = running.end().killed
            check(folder, scenario, [f"{share:.3f} of its time, four tables at once"])
        return killed

    chosen = [chance.choice(list(scenarios.values())) for _ in range(RANDOM_KILLS)]
    with ThreadPoolExecutor(2) as pool:
        assert any(pool.map(kill, chosen, [chance.random() for _ in chosen]))


@pytest.mark.parametrize("table", ["bronze/emr/visits", "audit/load_log", "audit/rejects"])
def test_what_a_kill_inside_a_write_left_is_removed_by_maintain_once_it_is_old(tmp_path: Path, table: str) -> None:
    lakehouse = Lakehouse.create(tmp_path)
    loaded(lakehouse)
    folder = tmp_path / "lakehouse" / table
    young, old = (folder / f"part-00000-{name}-c000.zstd.parquet" for name in ("young", "old"))
    for stray in (young, old):
        shutil.copy(next(folder.glob("*.parquet")), stray)
    os.utime(old, (0, 0))
    before = account(lakehouse).batches

    run(tmp_path, maintain_here)

    assert young.exists()
    assert not old.exists()
    assert account(lakehouse).batches == before


def test_temporary_files_of_a_killed_run_are_removed_once_they_are_old(tmp_path: Path) -> None:
    lakehouse = Lakehouse.create(tmp_path)
    first_load(lakehouse)
    for _ in range(2):
        assert run(tmp_path, ingest_here, kill=At(call="_commit")).killed
    old, young = (tmp_path / "tmp").glob("rcm-*")
    (old / "spilled").write_text("rows")
    os.utime(old, (0, 0))

    run(tmp_path, ingest_here)

    assert list((tmp_path / "tmp").glob("rcm-*")) == [young]
