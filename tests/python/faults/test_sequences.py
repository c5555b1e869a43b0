"""Any sequence of changes, loads, crashes and clocks that go back, against a model of a load's guarantees."""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ingestion.sources.planned import Request
from tests.python.faults.lakehouse import Account, Lakehouse, account, ingest_here, maintain_here, redrive_here
from tests.python.faults.processes import At, run

LAG_DAYS = 2
# Day of January 2024 that a row says it was changed on; 0 is no day, FUTURE one that the database's clock has not seen.
FUTURE = 99
Day = int
Visit = tuple[str, int, Day]

keys = st.sampled_from(["V1", "V2", "V3", "V4"])
days = st.sampled_from([0, 0, 1, 2, 3, 4, 5, 6, FUTURE, FUTURE])
visits = st.lists(st.tuples(keys, st.integers(0, 2), days), max_size=3)
# A full read makes up for much; most loads must do without.
full_reads = st.sampled_from([False, False, False, True])
files = st.sampled_from(["a", "b"])
# Each content is a file's claims, and how many of its lines cannot be read.
contents = st.tuples(st.integers(0, 3), st.integers(0, 1))
# Where a crash is tried: calls on the way of a batch into bronze, the archive and the log.
crashes = st.builds(
    At,
    call=st.sampled_from(
        [
            "sweep",
            "_write_part",
            "_commit",
            "batches",
            "keep_rejects",
            "archive_file",
            "replace",
            "append",
            "write_deltalake",
            "note_rejects",
        ]
    ),
    passes=st.integers(0, 3),
)


@dataclass
class Visits:
    """What an incremental table promises.

    A first load, ``--full``, and a load before any batch had a watermark read everything: what was deleted is gone
    from the content then. Any other load reads the rows of [W - lag, N], those dated in the future, and those without
    a date, where N is the newest date that is not in the future and W was N at the last committed one of these loads.
    A row whose change is dated before W - lag when it is first seen waits for a backfill of its days or a full read,
    and nothing but a full read sees a deletion. A load lands exactly the rows it read that the content does not hold
    as they are; where there is none it commits nothing, and W stays.
    """

    source: dict[str, Visit] = field(default_factory=dict)
    content: dict[str, Visit] = field(default_factory=dict)
    batches: list[tuple[str, list[Visit]]] = field(default_factory=list)
    watermark: Day | None = None

    def load(self, *, full: bool) -> None:
        known = [day for _, _, day in self.source.values() if day not in (0, FUTURE)]
        newest = max(known, default=self.watermark)
        if full or self.watermark is None:
            is_committed = self._replace(list(self.source.values()))
        else:
            last = max(known, default=0)
            read = [
                row
                for row in self.source.values()
                if row[2] in (0, FUTURE) or self.watermark - LAG_DAYS <= row[2] <= last
            ]
            is_committed = self._add("incremental", read)
        if is_committed:
            self.watermark = newest

    def backfill(self, since: Day, until: Day) -> None:
        self._add("backfill", [row for row in self.source.values() if row[2] != 0 and since <= row[2] <= until])

    def _replace(self, rows: list[Visit]) -> bool:
        if self.batches and (not rows or sorted(rows) == sorted(self.content.values())):
            return False
        if not rows:
            return False
        self.content = {row[0]: row for row in rows}
        self.batches.append(("full", sorted(rows)))
        return True

    def _add(self, load_type: str, rows: list[Visit]) -> bool:
        news = [row for row in rows if self.content.get(row[0]) != row]
        self.content |= {row[0]: row for row in news}
        if news:
            self.batches.append((load_type, sorted(news)))
        return bool(news)


@dataclass
class Claims:
    """What a table of files promises: each content once, in the order of names; unreadable lines wait for a redrive."""

    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)
    loaded: set[tuple[int, int]] = field(default_factory=set)
    batches: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    archived: int = 0
    rejected: int = 0

    def load(self) -> None:
        for _, content in sorted(self.waiting.items()):
            if content not in self.loaded:
                self.batches.append(("incremental", [("C1", str(content[0]))]))
                self.rejected += content[1]
            self.loaded.add(content)
            self.archived += 1
        self.waiting.clear()


class BackClock(datetime):
    """A machine whose clock was set back by three days."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(days=3)


def ingest_by_a_late_clock(request: Request) -> None:
    from ingestion.bronze import batch

    setattr(batch, "datetime", BackClock)  # noqa: B010 - the clock of this process alone
    ingest_here(request=request)


class Sequences(RuleBasedStateMachine):
    """Changes at the source, runs of rcm, and what lies in bronze after each."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sequence-"))
        self.lakehouse = Lakehouse.create(self.folder)
        self.visits = Visits()
        self.claims = Claims()
        self.corrections = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(rows=visits)
    def a_first_load(self, rows: list[Visit]) -> None:
        self.ingest(rows=rows, full=False)

    def _write(self, rows: list[Visit]) -> None:
        """New visits, and updates of those that are there."""
        self.visits.source |= {row[0]: row for row in rows}
        for key, amount, day in rows:
            self.lakehouse.sql("delete from visits where VisitID = ?", (key,))
            self.lakehouse.visit((key, str(amount), _moment(day)))

    @rule(key=keys)
    def a_visit_is_deleted(self, key: str) -> None:
        self.visits.source.pop(key, None)
        self.lakehouse.sql("delete from visits where VisitID = ?", (key,))

    @rule(name=files, content=contents)
    def a_file_arrives(self, name: str, content: tuple[int, int]) -> None:
        self.claims.waiting[f"{name}.csv"] = content
        self.lakehouse.drop(f"claims/{name}.csv", f"ClaimID,Amount\nC1,{content[0]}\n" + "C2,2,3\n" * content[1])

    @rule(rows=visits, full=full_reads)
    def ingest(self, rows: list[Visit], full: bool) -> None:
        self._write(rows)
        with contextlib.chdir(self.folder):
            ingest_here(request=Request(full))
        self._loaded(full=full)

    @rule(rows=visits, full=full_reads)
    def ingest_after_the_clock_went_back(self, rows: list[Visit], full: bool) -> None:
        self._write(rows)
        run(self.folder, partial(ingest_by_a_late_clock, Request(full)))
        self._loaded(full=full)

    @rule(rows=visits, at=crashes, full=full_reads)
    def crash_and_restart(self, rows: list[Visit], at: At, full: bool) -> None:
        self._write(rows)
        run(self.folder, partial(ingest_here, request=Request(full)), kill=at)
        with contextlib.chdir(self.folder):
            ingest_here(request=Request(full))
        self._loaded(full=full)

    @rule(first=st.integers(1, 8), length=st.integers(0, 3))
    def backfill(self, first: Day, length: int) -> None:
        request = Request(since=_moment(first), until=_moment(first + length))
        with contextlib.chdir(self.folder):
            ingest_here(source="emr", request=request)
        self.visits.backfill(first, first + length)
        self._compare()

    @rule()
    def maintain(self) -> None:
        with contextlib.chdir(self.folder):
            assert {done.problem for done in maintain_here()} == {None}
        self._compare()

    @rule()
    def correct_and_redrive(self) -> None:
        for path in self.lakehouse.rejects():
            self.corrections += 1
            path.write_text(f"ClaimID,Amount\nC2,{self.corrections}.00\n")
            self.claims.batches.append(("redrive", [("C2", f"{self.corrections}.00")]))
            self.claims.archived += 1
        with contextlib.chdir(self.folder):
            redrive_here()
        self._compare()

    def _loaded(self, *, full: bool) -> None:
        self.visits.load(full=full)
        self.claims.load()
        self._compare()

    def _compare(self) -> None:
        found = account(self.lakehouse)
        assert _batches(found, "emr.visits", ["VisitID", "Amount", "ModifiedDate"]) == [
            (load_type, [(key, amount, _moment(day)) for key, amount, day in rows])
            for load_type, rows in self.visits.batches
        ]
        assert _batches(found, "payer.claims", ["ClaimID", "Amount"]) == self.claims.batches
        assert sum(found.archive.values()) == self.claims.archived
        assert len(found.landing) == len(self.claims.waiting)
        assert found.orphans == []
        # Every batch and every rejected line is in the audit tables, once.
        assert set(found.audit.values()) <= {1}
        assert sum(found.audit.values()) == sum(map(len, found.batches.values())) + self.claims.rejected


def _moment(day: Day) -> str | None:
    if day == 0:
        return None
    return "2999-01-01 08:00:00" if day == FUTURE else f"2024-01-{day:02} 08:00:00"


def _batches(found: Account, label: str, columns: list[str]) -> list[Any]:
    return [
        (batch["load_type"], sorted((tuple(_plain(row[name]) for name in columns) for row in batch["rows"]), key=repr))
        for batch in found.batches[label]
    ]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S")
    return value if isinstance(value, str | None) else int(str(value).split(".")[0])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_any_sequence_leaves_what_the_model_promises() -> None:
    run_state_machine_as_test(
        Sequences,
        settings=settings(
            max_examples=6,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            # A sequence is short as it is; to shorten a failing one takes minutes.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
