"""The numbers are the same in whatever order the batches of four days arrive, and whatever is killed meanwhile.

The reference is the simulated lakehouse of two hospitals after four days, each loaded and built on its own. Hypothesis
delivers its bronze batches anew in other orders, with builds in between that are killed (SIGKILL) and run again, and
builds it all at the end. What "the same" means depends on what was changed:

- **Other interleaving** of tables, other builds, kills, batches delivered twice; the batches of one table keep their
  order. Nothing was known in another order, so every table of history and gold, every current record and what is
  derived from them are equal row for row; staging, quarantine and the counts of data quality, too, unless a batch came
  twice, which they have to count.
- **Other arrival** within a table: a correction before what it corrects, claim files late, the first extract last. When
  something became known is what the order changes: versions, their dates, reversals and batch ids differ rightly. The
  state does not: current records, current facts with a claim's milestones, what each account owes and since when, the
  hospitals' totals, and current members of dimensions; without version numbers and dates of becoming known. Tables
  loaded in full keep their order: the last full load says what exists.

In both cases a full refresh afterwards equals, row for row, what the steps and the deaths left.
"""

import re
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.lakehouses import DAYS, SimulatedDays, Warehouse

# What a build adds to; all else is made anew from it by each build.
STATEFUL = ("--select", "+path:snapshots", "fct_ar_events", "+dq_rule_results")
KEPT = re.compile(r"silver\.stg_|history\.|gold\.fct_ar_events|silver\.dq_rule_results")
# What counts deliveries, and so rightly knows of a second one.
COUNTS = re.compile(r"silver\.(stg_|dq_|quarantine)|gold\.fct_source_batches")

# When something became known is no part of the state.
RECORD = "* exclude (modified_at, version_number, _source_table, _batch_id, _row_number)"
VERSION_KEYS = "columns(c -> c not like '%\\_version_key' escape '\\')"
STATE = {
    **{
        f"cdm_{entity}": f"select {RECORD} from silver.cdm_{entity}"
        for entity in ("patients", "providers", "departments", "encounters", "transactions", "claims", "adjustments")
    },
    **{
        fact: f"select {VERSION_KEYS} from gold.{fact}"
        for fact in ("fct_transactions", "fct_encounters", "fct_claims", "fct_adjustments")
    },
    **{
        dimension: f"select * exclude ({dimension[4:]}_version_key, valid_from) from gold.{dimension} where is_current"
        for dimension in ("dim_patient", "dim_provider", "dim_department")
    },
    **{
        dimension: f"from gold.{dimension}"
        for dimension in ("dim_hospital", "dim_payer", "dim_procedure", "dim_diagnosis", "dim_claim_status")
    },
    "balances": (
        "select hospital_key, account_key, sum(ar_delta_amount) as balance from gold.fct_ar_events"
        " group by all having balance <> 0"
    ),
    "totals": "select hospital_key, money_type, sum(ar_delta_amount) from gold.fct_ar_events group by all",
    "current aging": (
        "select hospital_key, account_key, payer_group, aged_from_date, balance_amount"
        " from gold.fct_ar_snapshot_monthly"
        " inner join gold.dim_ledger_month using (hospital_key, month_key) where is_latest"
    ),
}

EXAMPLES = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    # An example takes seconds: the one that fails is shown as it is, not made smaller first.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

# Table, and the batch's place among the table's batches.
Batch = tuple[str, int]


@dataclass(frozen=True)
class Build:
    """One run of dbt over what changes with every batch.

    Args:
        after: So many deliveries are in bronze by then.
        killed_at: It dies when so many models are done, and runs again; None: it lives.
    """

    after: int
    killed_at: int | None


@dataclass(frozen=True)
class Story:
    """Deliveries in order, and builds between them. A batch that is delivered again stands there twice."""

    deliveries: Sequence[Batch]
    builds: Sequence[Build]


@dataclass(frozen=True)
class Bronze:
    """The batches of the reference by table, as they arrived."""

    batches: dict[str, list[pa.Table]]

    @classmethod
    def read(cls, lakehouse: Path) -> "Bronze":
        """All batches of a lakehouse."""
        batches = {}
        with duckdb.connect() as connection:
            load_delta(connection)
            for log in sorted((lakehouse / "bronze").glob("*/*/_delta_log")):
                rows = connection.sql(
                    f"from delta_scan('{log.parent}') order by _batch_id, _row_number"
                ).to_arrow_table()
                ids = sorted(set(rows["_batch_id"].to_pylist()))
                batches[f"{log.parents[1].name}.{log.parent.name}"] = [
                    rows.filter(pc.equal(rows["_batch_id"], batch_id)) for batch_id in ids
                ]
        return cls(batches)

    @property
    def newest_first(self) -> list[Batch]:
        """Every batch, in an order in which they could not have been made."""
        return [(name, place) for name, batches in self.batches.items() for place in reversed(range(len(batches)))]

    @property
    def increments(self) -> list[Batch]:
        """Batches that do not say what exists, only what changed."""
        return [
            (name, place)
            for name, batches in self.batches.items()
            for place, rows in enumerate(batches)
            if rows["_load_type"][0].as_py() == "incremental"
        ]

    @property
    def full(self) -> set[str]:
        """Tables loaded in full every time; the first extract of any database is."""
        return set(self.batches) - {name for name, _ in self.increments}

    def in_order(self, deliveries: Sequence[Batch], tables: Collection[str]) -> list[Batch]:
        """The same turns, but the batches of these tables as they arrived."""
        turns: Counter[str] = Counter()
        ordered = []
        for name, place in deliveries:
            ordered.append((name, turns[name] if name in tables else place))
            turns[name] += 1
        return ordered


def builds(deliveries: int) -> st.SearchStrategy[list[Build]]:
    """One or two builds before the last one, each killed or not."""
    one = st.builds(Build, st.integers(deliveries // 4, deliveries - 1), st.one_of(st.integers(8, 20), st.none()))
    return st.lists(one, min_size=1, max_size=2, unique_by=lambda build: build.after)


@st.composite
def interleavings(draw: st.DrawFn, bronze: Bronze) -> Story:
    """Each table's batches as they arrived, the tables in any order, some increments delivered again."""
    deliveries = bronze.in_order(draw(st.permutations(bronze.newest_first)), bronze.batches)
    for batch in draw(st.sets(st.sampled_from(bronze.increments), max_size=5)):
        again = draw(st.integers(deliveries.index(batch) + 1, len(deliveries)))
        deliveries.insert(again, batch)
    return Story(deliveries, draw(builds(len(deliveries))))


@st.composite
def arrivals(draw: st.DrawFn, bronze: Bronze) -> Story:
    """Increments, and first extracts, in any order."""
    deliveries = bronze.in_order(draw(st.permutations(bronze.newest_first)), bronze.full)
    return Story(deliveries, draw(builds(len(deliveries))))


@pytest.fixture(scope="module")
def reference(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Four days in order."""
    return simulated_days.copy(DAYS[-1], tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def bronze(reference: Warehouse) -> Bronze:
    """What arrived in them."""
    return Bronze.read(reference.lakehouse)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """The lakehouse of the examples, one after the other in one place: dbt parses the project once."""
    return Warehouse(tmp_path / "lakehouse")


def build(warehouse: Warehouse, *arguments: str, killed_at: int | None = None) -> None:
    """Build without tests; they have modules of their own."""
    warehouse.run("dbt", "--quiet", "build", *arguments, killed_at=killed_at)


def tell(story: Story, warehouse: Warehouse, batches: Sequence[tuple[str, pa.Table]]) -> None:
    """Deliver the batches and build as the story says, and everything at the end."""
    shutil.rmtree(warehouse.lakehouse, ignore_errors=True)
    warehouse.lakehouse.mkdir(parents=True)
    builds = {planned.after: planned.killed_at for planned in story.builds}
    for number, (name, rows) in enumerate(batches):
        if number in builds:
            if builds[number]:
                build(warehouse, *STATEFUL, killed_at=builds[number])
            build(warehouse, *STATEFUL)
        write_deltalake(warehouse.lakehouse / "bronze" / name.replace(".", "/"), rows, mode="append")
    build(warehouse)


def renamed(rows: pa.Table, **columns: str) -> pa.Table:
    """The rows with one value for all in some columns."""
    for column, value in columns.items():
        rows = rows.set_column(rows.column_names.index(column), column, pa.array([value] * len(rows)))
    return rows


def in_their_time(story: Story, bronze: Bronze) -> Iterator[tuple[str, pa.Table]]:
    """Every batch under its own id, what is delivered again under one right after its table's last."""
    last: dict[str, str] = {}
    for number, (name, place) in enumerate(story.deliveries):
        rows = bronze.batches[name][place]
        if (name, place) in story.deliveries[:number]:
            day, clock = last[name].split("-")[0].split("T")
            rows = renamed(rows, _batch_id=f"{day}T{int(clock) + 1:012d}-{name}")
        last[name] = rows["_batch_id"][0].as_py()
        yield name, rows


def newly_dated(story: Story, bronze: Bronze) -> Iterator[tuple[str, pa.Table]]:
    """Every batch under an id of its place in the story; what is no full load has no first extract."""
    for number, (name, place) in enumerate(story.deliveries):
        load_type = "full" if name in bronze.full else "incremental"
        batch_id = f"20270101T{number:012d}-{name}"
        yield name, renamed(bronze.batches[name][place], _batch_id=batch_id, _load_type=load_type)


def assert_a_full_refresh_changes_nothing(warehouse: Warehouse) -> None:
    before = kept(warehouse)
    build(warehouse, *STATEFUL, "--full-refresh")
    assert kept(warehouse) == before


def kept(warehouse: Warehouse) -> dict[str, str]:
    """A hash of every table that builds add to."""
    return {name: content for name, content in warehouse.content().items() if KEPT.match(name)}


def test_interleaved_repeated_and_killed_deliveries_make_the_same_tables(
    reference: Warehouse, bronze: Bronze, warehouse: Warehouse
) -> None:
    expected = reference.content()

    @EXAMPLES
    @given(interleavings(bronze))
    def holds(story: Story) -> None:
        tell(story, warehouse, list(in_their_time(story, bronze)))
        found = warehouse.content()
        repeated = len(set(story.deliveries)) < len(story.deliveries)
        compared = {name for name in expected if not (repeated and COUNTS.match(name))}
        assert {name for name in compared if found.get(name) != expected[name]} == set()
        assert_a_full_refresh_changes_nothing(warehouse)

    holds()


def test_other_arrivals_end_in_the_same_state(reference: Warehouse, bronze: Bronze, warehouse: Warehouse) -> None:
    @EXAMPLES
    @given(arrivals(bronze))
    def holds(story: Story) -> None:
        tell(story, warehouse, list(newly_dated(story, bronze)))
        assert different_states(warehouse, reference) == {}
        assert_a_full_refresh_changes_nothing(warehouse)

    holds()


def different_states(one: Warehouse, other: Warehouse) -> dict[str, int]:
    """How many rows differ in each part of the state in which some do."""
    different = {}
    for name, sql in STATE.items():
        here, there = Counter(one.query(sql)), Counter(other.query(sql))
        if count := ((here - there) + (there - here)).total():
            different[name] = count
    return different
