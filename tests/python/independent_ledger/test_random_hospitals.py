"""Gold equals an independent ledger to the cent, for random hospitals, and differs from it once a rule is changed.

All random hospitals live in one lakehouse, which is built once per round. RCM_LEDGER_SEED draws others. A hospital in
which something differs is made smaller: smaller ones fill the lakehouse in its place, until none of them differs.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import duckdb
import pytest

from ingestion.base.errors import IngestionError
from ingestion.base.settings import read_settings
from rcm.finance.month_close import MonthCloses, close_month, reopen_month
from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.independent_ledger import Difference, differences, gold
from tests.python.independent_ledger.compared import compared, recompute
from tests.python.independent_ledger.declared import Project
from tests.python.independent_ledger.hospitals import (
    CONTROL_TABLE,
    PROFILES,
    ROUNDS,
    Hospital,
    declare,
    deliver,
    name,
    random_hospitals,
)
from tests.python.independent_ledger.mutants import COMPARED, MUTATIONS, CompiledGold, compiled
from tests.python.lakehouses import DAYS, PROJECT, SimulatedDays, Warehouse, with_project

HOSPITALS = 10
SEED = int(os.environ.get("RCM_LEDGER_SEED", "8"))
# Each makes a hospital with a difference smaller by one step, and costs as much as the test itself.
SHRINKS = 3
# dim_event_type is read by a close.
BUILT = (*(f"+{model}" for model in COMPARED), "dim_event_type")


@dataclass
class World:
    """Hospitals that fill one lakehouse, round by round.

    Args:
        warehouse: Their lakehouse and project.
        hospitals: By place.
        differences: Of each round.
        first: SQL of the events' model as its first build had it, which makes all events.
    """

    warehouse: Warehouse
    hospitals: Sequence[Hospital]
    differences: list[list[Difference]] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        """The declarations of the lakehouse."""
        return Project(self.warehouse.project, CONTROL_TABLE)

    def live(self) -> None:
        """Deliver, build and compare every round; close and reopen months in between."""
        shutil.rmtree(self.warehouse.lakehouse, ignore_errors=True)
        for number in range(len(ROUNDS)):
            for place, hospital in enumerate(self.hospitals):
                deliver(self.warehouse.lakehouse, place, hospital, number)
            self.warehouse.run("dbt", "--quiet", "build", "--select", *BUILT)
            if number == 0:
                events = compiled(self.warehouse.target, "models/gold/ledger/fct_ar_events.sql")
                self.first["fct_ar_events"] = events
            self.differences.append(differences(self.warehouse.lakehouse, self.project))
            for place, hospital in enumerate(self.hospitals):
                for _, month in (close for close in hospital.closes if close[0] == number):
                    self._close(name(place), month)

    def _close(self, hospital: str, month: int) -> None:
        settings = read_settings(self.warehouse.environ())
        closes = MonthCloses(settings.lakehouse / "ledger").in_force()
        last = max((key for system, key in closes if system == hospital), default=0)
        try:
            if month:
                close_month(settings, [], hospital, month, "controller")
            else:
                reopen_month(settings, hospital, last, "controller", "to see what it was")
        except IngestionError:
            # No such month, or one that cannot be closed or reopened now: a random wish need not come true.
            return

    def differing(self) -> dict[int, list[Difference]]:
        """The first differences of each hospital that has some, by its place."""
        found: dict[int, list[Difference]] = {}
        for of_round in reversed(self.differences):
            for place in range(len(self.hospitals)):
                if of_hospital := [one for one in of_round if one.hospital == name(place)]:
                    found[place] = of_hospital
        return found


@pytest.fixture(scope="module")
def random_project(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("random")
    warehouse = with_project(Warehouse(folder / "lakehouse"), folder / "project")
    warehouse.environment["RCM_BRONZE"] = CONTROL_TABLE
    return warehouse


@pytest.fixture(scope="module")
def world(random_project: Warehouse) -> World:
    hospitals = random_hospitals(HOSPITALS, SEED)
    declare(random_project.project, [hospital.profile for hospital in hospitals])
    world = World(random_project, hospitals)
    world.live()
    return world


def test_gold_equals_the_independent_ledger(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    if differing := world.differing():
        folder = tmp_path_factory.mktemp("smaller")
        hospital, found = smallest(world, *next(iter(differing.items())), with_project(world.warehouse, folder))
        shown = "\n".join(map(str, (hospital, *found[:20])))
        pytest.fail(f"seed {SEED}: {len(differing)} hospitals differ; the smallest of the first of them:\n{shown}")


def smallest(
    world: World, place: int, found: list[Difference], project: Warehouse
) -> tuple[Hospital, list[Difference]]:
    """The smallest hospital in which something still differs, and what differs there."""
    hospital = world.hospitals[place]
    declare(project.project, [hospital.profile] * HOSPITALS)
    for _ in range(SHRINKS):
        smaller = World(project, list(islice(hospital.smaller(), HOSPITALS)))
        smaller.live()
        if not (differing := smaller.differing()):
            break
        place, found = min(differing.items(), key=lambda item: len(str(smaller.hospitals[item[0]])))
        hospital = smaller.hospitals[place]
    return hospital, found


def test_random_hospitals_hold_what_the_ledger_is_about(world: World) -> None:
    """Rules that no hospital touches are not checked."""
    rows = world.warehouse.query(
        """
            select event_type, count(*) from gold.fct_ar_events group by all
            union all
            select 'basis ' || basis, count(*) from gold.fct_ar_account_balances_monthly group by all
            union all
            select aging_bucket, count(*) from gold.fct_ar_account_balances_monthly group by all
            union all
            select 'closed', count(*) from gold.fct_ar_rollforward_monthly where is_closed
            union all
            select 'restated', count(*) from gold.fct_ar_rollforward_monthly where restatement_amount <> 0
            union all
            select 'reopened', count(*) from gold.fct_month_close where not is_in_force
            """
    )
    held = {what for what, count in rows if count}
    types = {row["type"] for row in world.project.variables["event_types"] if row.get("sign", -1)}
    buckets = {"0-30", "31-60", "61-90", "91-120", "121-180", ">180"}
    assert types | buckets | {"basis known", "basis restated", "closed", "restated", "reopened"} <= held
    assert {hospital.profile for hospital in world.hospitals} == set(range(len(PROFILES)))


@pytest.fixture(scope="module")
def recomputed(world: World) -> dict[str, Counter[tuple[Any, ...]]]:
    with gold.connect(world.warehouse.lakehouse) as connection:
        columns = gold.report_columns(connection)
    return recompute(world.warehouse.lakehouse, world.project, columns)


@pytest.fixture
def mutant(world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, writable: what a test changes is undone after it."""
    with duckdb.connect(str(world.warehouse.lakehouse / "warehouse.duckdb")) as connection:
        load_delta(connection)
        connection.begin()
        yield connection
        connection.rollback()


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_changed_rule_is_found(
    world: World, recomputed: dict[str, Counter[tuple[Any, ...]]], mutant: duckdb.DuckDBPyConnection, mutation: str
) -> None:
    before = Counter(map(str, compared(gold.rows(mutant), recomputed)))
    CompiledGold(world.warehouse.target, world.first).plant(mutant, mutation)
    assert Counter(map(str, compared(gold.rows(mutant), recomputed))) != before


def test_the_demonstration_equals_the_independent_ledger(
    simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory
) -> None:
    warehouse = simulated_days.copy(DAYS[-1], tmp_path_factory.mktemp("demonstration"))
    ended = subprocess.run(
        [sys.executable, "-m", "tests.python.independent_ledger", str(warehouse.lakehouse)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "0 differences\n"), ended.stdout[-4000:] + ended.stderr[-2000:]
