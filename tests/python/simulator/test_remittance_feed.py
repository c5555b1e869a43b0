"""The adjustments feed: off, it changes nothing; on, every account makes sense on every day."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator import SimulationError, simulate
from simulator.charges import claim_numbers
from simulator.parameters import HOSPITALS
from simulator.remittance_habits import BAD_DEBT_AFTER, DENIAL_WRITE_OFF_AFTER, DENIAL_WRITE_OFF_SHARE, SLOTS
from simulator.sources import setting

SYSTEMS = tuple(habits.system for habits in HOSPITALS)
TABLES = ("patients", "providers", "departments", "encounters", "transactions")
# Of everything but the adjustments tables, as the simulator wrote it before it knew adjustments.
WITHOUT_THE_FEED = "2875e990a9cfb9f612e504536cfa6eedc1391be53cd84c43d46b4c3c22e3b7a3"  # pragma: allowlist secret


def table_digest(database: Path, table: str) -> str:
    with closing(sqlite3.connect(database)) as connection:
        (declared,) = connection.execute("select sql from sqlite_master where name = ?", (table,)).fetchone()
        rows = connection.execute(f"select * from {table} order by rowid").fetchall()
    return hashlib.sha256(repr((declared, rows)).encode()).hexdigest()


def digests(lakehouse: Path, tables: tuple[str, ...] = TABLES) -> dict[str, str]:
    """Digest of every table but adjustments and of every file that is no database, answer key or state."""
    found = {
        f"{system}.{table}": table_digest(lakehouse / f"sources/{system}.db", table)
        for system in SYSTEMS
        for table in tables
    }
    for path in sorted([*(lakehouse / "landing").rglob("*.csv"), lakehouse / "sources/registry.json"]):
        found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_without_the_feed_everything_is_as_it_was(tmp_path: Path) -> None:
    simulate(tmp_path, patients=200, seed=3, day=5)
    assert hashlib.sha256(json.dumps(digests(tmp_path)).encode()).hexdigest() == WITHOUT_THE_FEED
    for system in SYSTEMS:
        with closing(sqlite3.connect(tmp_path / f"sources/{system}.db")) as database:
            assert database.execute("select count(*) from adjustments").fetchone() == (0,)
    key = json.loads((tmp_path / "sources/answer_key.json").read_text())
    assert "adjustments" not in key["rows"]
    assert "adjustments" not in key["ledger"]["hospital_a"]


def test_the_feed_leaves_all_but_payments_alone(tmp_path: Path) -> None:
    simulate(tmp_path / "off", patients=200, seed=3, day=2)
    simulate(tmp_path / "on", patients=200, seed=3, day=2, remittance=True)
    off, on = digests(tmp_path / "off"), digests(tmp_path / "on")
    assert off.keys() == on.keys()
    same = {name for name in off if off[name] == on[name]}
    assert {name for name in off if "claims" not in name and "transactions" not in name} <= same
    for system in SYSTEMS:
        charges = [closing(sqlite3.connect(tmp_path / side / f"sources/{system}.db")) for side in ("off", "on")]
        with charges[0] as one, charges[1] as other:
            columns = [row[1] for row in one.execute("pragma table_info(transactions)") if row[1] != "PaidAmount"]
            read = f"select {', '.join(columns)} from transactions order by rowid"
            assert one.execute(read).fetchall() == other.execute(read).fetchall()


def test_one_jump_equals_single_days(tmp_path: Path) -> None:
    simulate(tmp_path / "at_once", patients=200, seed=3, day=6, remittance=True)
    for day in range(7):
        simulate(tmp_path / "daily", patients=200, seed=3, day=day, remittance=True)
    tables = (*TABLES, "adjustments")
    assert digests(tmp_path / "daily", tables) == digests(tmp_path / "at_once", tables)
    keys = [(tmp_path / name / "sources/answer_key.json").read_text() for name in ("daily", "at_once")]
    assert keys[0] == keys[1]


def test_a_simulation_keeps_its_feed(tmp_path: Path) -> None:
    simulate(tmp_path, patients=200, seed=3)
    with pytest.raises(SimulationError, match=r"remittance=False \(not True\).*use another lakehouse"):
        simulate(tmp_path, patients=200, seed=3, day=1, remittance=True)


def test_a_simulation_of_an_earlier_release_gets_the_table(tmp_path: Path) -> None:
    simulate(tmp_path, patients=200, seed=3, day=1)
    before = digests(tmp_path)
    state = json.loads((tmp_path / "sources/simulation.json").read_text())
    del state["remittance"]
    for system in SYSTEMS:
        del state["rows"][system]["adjustments"]
        with closing(sqlite3.connect(tmp_path / f"sources/{system}.db")) as database:
            database.execute("drop table adjustments")
    (tmp_path / "sources/simulation.json").write_text(json.dumps(state))
    again = simulate(tmp_path, patients=200, seed=3, day=1)
    assert (again.changed, again.rows["hospital_a"]["adjustments"]) == (True, 0)
    assert digests(tmp_path) == before
    assert not simulate(tmp_path, patients=200, seed=3, day=1).changed


@pytest.fixture(scope="module", params=[0, 9])
def accounts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[sqlite3.Connection]]:
    """Both databases on a day, with the lines on which nothing is planted and no posting was changed by hand."""
    root = tmp_path_factory.mktemp("accounts")
    simulate(root, patients=600, seed=5, day=request.param, remittance=True)
    connections = []
    for habits in HOSPITALS:
        world = setting(habits, 5, 600, request.param, remittance=True)
        assert world.feed is not None
        by_hand = [row for rows in (*world.feed.corrected, *world.feed.voided, world.feed.plan.rows()) for row in rows]
        apart = {int(row) // SLOTS for row in by_hand} | {int(line) for line in world.story.lines.rows()}
        database = sqlite3.connect(root / f"sources/{habits.system}.db")
        database.execute("create temp table apart (id text primary key)")
        database.executemany("insert into apart values (?)", [(f"TRANS{line + 1:06d}",) for line in apart])
        database.executescript(f"""
            create temp view lines as select * from transactions where TransactionID not in (select id from apart);
            create temp view posted as
                select *, lower(AdjustmentType) as word from adjustments
                where TransactionID in (select TransactionID from lines) and PostDate <= date('2024-12-31',
                '+{request.param} day');
            create temp view adjustments_by_word as
                select lower(AdjustmentType) as word from adjustments where AdjustmentType <> 'Gremlins' group by 1;
            create temp view moves as
                select TransactionID, LineOfBusiness as payer_group, round(100 * (Amount - PaidAmount)) as cents
                from lines
                union all
                select TransactionID, LineOfBusiness, case word when 'refund' then 1 else -1 end * round(100 * Amount)
                from posted where word not in ('denial', 'denied')
                union all
                select TransactionID, ToLineOfBusiness, round(100 * Amount) from posted where word = 'transfer';
            create temp view balances as
                select TransactionID, payer_group, sum(cents) as cents from moves group by 1, 2 having sum(cents) <> 0;
        """)
        connections.append(database)
    yield connections
    for database in connections:
        database.close()


def rows(database: sqlite3.Connection, sql: str) -> list[Any]:
    return database.execute(sql).fetchall()


def test_credits_are_overpayments_that_are_not_refunded_yet(accounts: list[sqlite3.Connection]) -> None:
    for database in accounts:
        assert rows(database, "select * from balances where payer_group = 'Self-Pay' and cents < 0") == []
        overpaid = rows(database, "select TransactionID from balances where cents < 0")
        refunded = rows(database, "select TransactionID from posted where word = 'refund'")
        assert not set(overpaid) & set(refunded)
        assert overpaid
        (paying,) = database.execute("select count(*) from lines where PaidAmount > 0").fetchone()
        assert len(overpaid) < 0.03 * paying


def test_what_an_insurer_has_decided_owes_it_nothing_more(accounts: list[sqlite3.Connection]) -> None:
    """After the decision a line is paid, contractual, the patient's or denied, as soon as all is keyed."""
    for database in accounts:
        left = rows(
            database,
            """
            select TransactionID from balances inner join lines using (TransactionID)
            where cents > 0 and payer_group <> 'Self-Pay'
            and PaidDate < (select date(max(PaidDate), '-21 day') from lines)
            """,
        )
        assert left == []


def test_denied_and_unpaid_is_written_off_whole_or_open_whole(accounts: list[sqlite3.Connection]) -> None:
    for database in accounts:
        denied = rows(
            database,
            """
            select lines.Amount, coalesce(balances.cents, 0)
            from lines inner join posted using (TransactionID)
            left join balances using (TransactionID)
            where word in ('denial', 'denied') and lines.PaidDate is null and lines.Amount > 0
            """,
        )
        assert denied
        assert {balance / round(100 * amount) for amount, balance in denied} <= {0.0, 1.0}


def test_write_offs_come_after_the_planted_days(accounts: list[sqlite3.Connection]) -> None:
    for database in accounts:
        days = rows(
            database,
            """
            select distinct julianday(later.PostDate) - julianday(first.PostDate)
            from posted as later inner join posted as first using (TransactionID)
            where later.word like 'bad debt%' and first.word = 'transfer'
            """,
        )
        assert days == [(float(BAD_DEBT_AFTER),)]
        days = rows(
            database,
            """
            select distinct julianday(later.PostDate) - julianday(first.PostDate)
            from posted as later inner join posted as first using (TransactionID)
            where later.word like 'denial write%' and first.word in ('denial', 'denied')
            """,
        )
        assert days == [(float(DENIAL_WRITE_OFF_AFTER),)]


def test_every_kind_of_posting_occurs(accounts: list[sqlite3.Connection]) -> None:
    for database in accounts:
        assert len(rows(database, "select word from adjustments_by_word")) == 10
        assert {code for (code,) in rows(database, "select distinct GroupCode from posted")} == {None, "CO", "PR"}


def test_a_denied_claim_has_one_notice_on_its_decision_day(tmp_path: Path) -> None:
    # All claim files held back have arrived on this day.
    simulate(tmp_path, patients=600, seed=5, day=4, remittance=True)
    for habits in HOSPITALS:
        world = setting(habits, 5, 600, 4, remittance=True)
        assert world.feed is not None
        damaged = [int(line) for line in world.story.claims.rows()] + [int(r) // SLOTS for r in world.feed.plan.rows()]
        numbers = claim_numbers(world.hospital)
        # By both ids, either of which may be what is damaged.
        apart = {f"TRANS{line + 1:06d}" for line in damaged} | {f"CLAIM{numbers[line]:06d}" for line in damaged}
        decided: dict[str, str] = {}
        for path in sorted((tmp_path / "landing/claims").glob(f"{habits.system}_*.csv")):
            with path.open() as file:
                claims = [c for c in csv.DictReader(file) if not {c["ClaimID"], c["TransactionID"]} & apart]
            for claim in claims:
                if claim["ClaimStatus"].lower() == "denied":
                    decided[claim["ClaimID"]] = claim["ModifiedDate"][:10]
        with closing(sqlite3.connect(tmp_path / f"sources/{habits.system}.db")) as database:
            notices = [
                (claim, day)
                for claim, line, day in database.execute(
                    """
                    select ClaimID, TransactionID, PostDate from adjustments
                    where lower(AdjustmentType) in ('denial', 'denied') order by 1
                    """
                )
                if not {claim, line} & apart
            ]
        # What is keyed late is not there yet.
        missing = dict(sorted(decided.items())).items() - set(notices)
        assert {day for _claim, day in missing} <= {f"2024-12-{day}" for day in range(14, 32)} | {
            f"2025-01-0{day}" for day in range(1, 5)
        }
        assert len(missing) <= 3
        assert sorted({*notices, *missing}) == sorted(decided.items())
        assert len(notices) == len(set(notices))


def test_planted_shares_are_found_in_a_large_group(tmp_path: Path) -> None:
    simulate(tmp_path, patients=6000, seed=2, remittance=True)
    key = json.loads((tmp_path / "sources/answer_key.json").read_text())
    for system in SYSTEMS:
        for reasons in key["denial_reasons"][system].values():
            total = sum(reason["count"] for reason in reasons.values())
            for reason in reasons.values():
                assert abs(reason["count"] / total - reason["planted_share"]) < 0.1
        with closing(sqlite3.connect(tmp_path / f"sources/{system}.db")) as database:
            written_off, abandoned = database.execute(
                f"""
                select sum(TransactionID in (select TransactionID from adjustments
                    where lower(AdjustmentType) like 'denial write%')), count(*)
                from (select distinct TransactionID from adjustments
                    where lower(AdjustmentType) in ('denial', 'denied')
                    and PostDate <= date('2024-12-31', '-{DENIAL_WRITE_OFF_AFTER + 30} day')) as notices
                inner join transactions using (TransactionID) where PaidDate is null
                """
            ).fetchone()
        assert abs(written_off / abandoned - DENIAL_WRITE_OFF_SHARE) < 0.12
        ledger = key["ledger"][system]
        parts = ("ADJ_DENIAL", "ADJ_BAD_DEBT", "ADJ_SMALL_BALANCE", "ADJ_OTHER")
        assert Decimal(ledger["write_offs"]) == sum(Decimal(ledger["adjustments"][part]) for part in parts)
