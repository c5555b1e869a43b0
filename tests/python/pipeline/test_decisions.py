"""A full read is the truth, absence needs proof, a person decides: many hospitals, one fault each, over days."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.python.pipeline import charge_lines
from tests.python.pipeline.charge_lines import COLUMNS, Group, table

# Not dated in this world, so that the row is held back.
NO_DAY = {"day": "1850-06-15"}
FOREIGN = {"payer_kind": "Zuzahlung"}
BIGGEST = "9999999999999999.99"

BY_INCREMENTS = {"object": "transactions", "mode": "incremental", "watermark": "updated", "lag": "P2D"}
AMOUNTS_AS_TEXT = {**COLUMNS, "amount": "string"}
PROVIDERS = dict.fromkeys(("id", "first", "last", "npi"), "string")
PROVIDER_MAP = {"provider_id": "id", "first_name": "first", "last_name": "last", "npi": "npi"}
WITH_PROVIDERS = ("half_loaded", "sound")
# What each hospital's charge lines are declared as, and what is special of the hospital.
HOSPITALS: dict[str, dict[str, Any]] = {
    # A number is used again with an older date; found by a full read.
    "reused": {"load": BY_INCREMENTS},
    # A restored backup: content and dates go back.
    "restored": {},
    # An increment came late; a full read says that its content is the truth.
    "went_back": {"load": BY_INCREMENTS},
    "half_loaded": {},
    "sound": {},
    "small": {},
    "silent": {},
    "huge": {"columns": AMOUNTS_AS_TEXT},
    "rich": {"columns": AMOUNTS_AS_TEXT, "amount_limit": 100_000_000},
    "feed": {"load": BY_INCREMENTS},
    "accepted_feed": {"load": BY_INCREMENTS},
    # Nobody has declared its words for who paid.
    "foreign_words": {},
}


def line(number: str, amount: str, **changes: object) -> dict[str, object]:
    """A charge line of the first day."""
    first_day = {"day": "2026-10-05", "paid": "0.00", "updated": "2026-10-10 08:00:00"}
    return charge_lines.line(number, amount, **{**first_day, **changes})


def group_of(folder: Path) -> Group:
    """All hospitals, declared, with empty databases."""
    made = Group.make(folder, waits=True)
    providers = table("providers", columns=PROVIDERS, mapped=PROVIDER_MAP)
    for name, declared in HOSPITALS.items():
        also = [providers] if name in WITH_PROVIDERS else []
        made.declare(name, table(**declared), *also)
        made.rows(name, [])
        if also:
            made.rows(name, [], of="providers", columns=list(PROVIDERS))
    made.list({name: ["transactions", "providers"][: 1 + (name in WITH_PROVIDERS)] for name in HOSPITALS})
    return made


def failures(group: Group) -> list[str]:
    """What the last build complained about."""
    lines: list[str] = json.loads((group.warehouse.lakehouse / "last_build.json").read_text())["failures"]
    return lines


def waiting(group: Group) -> dict[str, str]:
    """Batches that wait for a decision, by source table."""
    rows = group.warehouse.query("select source_table, batch_id from gold.fct_source_batches where is_undecided")
    return {str(table): str(batch) for table, batch in rows}


def fill(group: Group) -> None:
    """The first day of every hospital."""
    group.put("reused", line("100", "300.00"), line("101", "50.00"))
    group.put("restored", line("1", "100.00"), line("2", "10.00", updated="2026-10-12 08:00:00"))
    group.put("went_back", line("1", "100.00"), line("2", "10.00"))
    group.put("half_loaded", *(line(f"{number:03}", "100.00") for number in range(200)))
    providers: list[dict[str, object]] = [
        {"id": f"PR{number}", "first": "Ann", "last": f"Lee {number}", "npi": None} for number in range(300)
    ]
    group.put("half_loaded", *providers, table="providers")
    group.put("sound", line("1", "40.00"))
    group.put("sound", {"id": "1", "first": "Jean", "last": "Pierre-Smith", "npi": None}, table="providers")
    group.put("sound", {"id": "2", "first": "Ann", "last": "Lee-", "npi": "1"}, table="providers")
    group.put("small", *(line(str(number), "25.00", **NO_DAY) for number in range(10)))
    group.put("huge", line("ok", "12.00"), line("a", BIGGEST), line("b", BIGGEST), line("c", "-" + BIGGEST))
    group.put("huge", *(line(f"n{number}", "123456789012") for number in range(3)), line("wide", "9" * 40))
    group.put("huge", *(line(f"ok{number}", "1.00") for number in range(11)))
    group.put("rich", line("1", "50000000.00"), line("2", "1.00"))
    for name in ("feed", "accepted_feed"):
        group.put(name, *(line(f"{number:02}", "10.00") for number in range(30)))
    group.put("foreign_words", *(line(f"{number}", "9.00", paid="4.00", **FOREIGN) for number in range(25)))


def second_day(group: Group) -> None:
    """What goes wrong on the second day."""
    group.execute("reused", "delete from transactions where line = '100'")
    group.put("reused", line("100", "35.00", mrn="P-77", visit="V-77", updated="2026-10-09 08:00:00"))
    restored = "update transactions set amount = '70.00', updated = '2026-10-08 08:00:00' where line = '1'"
    group.execute("restored", restored)
    group.execute(
        "went_back", "update transactions set amount = '90.00', updated = '2026-10-09 08:00:00' where line = '1'"
    )
    group.execute("half_loaded", "delete from transactions where line >= '002'")
    group.execute("half_loaded", "delete from providers where id <> 'PR7'")
    group.put("sound", line("2", "2.00"))
    group.execute("sound", "update providers set first = 'Jean-Pierre', last = 'Smith' where id = '1'")
    group.execute("sound", "update providers set last = 'Lee', npi = '-1' where id = '2'")
    for name in ("feed", "accepted_feed"):
        bad = [line(f"n{number:02}", "7.00", updated="2026-10-11 08:00:00", **NO_DAY) for number in range(20)]
        good = [line(f"g{number:02}", "3.00", updated="2026-10-11 08:00:00") for number in range(10)]
        group.put(name, *bad, *good)


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    """The group after its second day: built each day."""
    made = group_of(tmp_path_factory.mktemp("group"))
    fill(made)
    made.warehouse.run("rcm", "run", expect=1, tests=True)
    made.first_failures = failures(made)  # type: ignore[attr-defined]
    second_day(made)
    made.warehouse.run("rcm", "ingest")
    for name in ("reused", "went_back"):
        made.warehouse.run("rcm", "ingest", "--source", name, "--full")
    made.warehouse.run("rcm", "run", expect=1, tests=True)
    return made


def test_a_hospital_of_which_nothing_passes_or_arrives_is_named_at_once(group: Group) -> None:
    lines: list[str] = group.first_failures  # type: ignore[attr-defined]
    assert len(lines) == 5, lines
    text = " ".join(lines)
    assert "small.transactions: batch" in text
    assert "10 of 10 rows are rejected or quarantined (100.0 %, limit 20.0 %), $250.00" in text
    assert "Missing hospital: small has no charge line in gold, all that arrived waits for a decision" in text
    assert "25 of 25 words of payment_source are unknown (100.0 %, limit 90.0 %), $100.00" in text
    assert "Missing hospital: foreign_words has no charge line in gold, all that arrived waits for a decision" in text
    assert "Missing hospital: silent has no charge line in gold, nothing arrived" in text


def test_one_hospitals_impossible_amounts_are_its_own(group: Group) -> None:
    assert group.receivables()["rich"] == "50000001.00"
    held_back = group.warehouse.query(
        "select transaction_id, failed_rules from silver.stg_transactions where source_system = 'huge'"
        " and row_status in ('quarantined', 'rejected')"
    )
    statuses = {str(row[0]): row[1] for row in held_back}
    for number in ("a", "b", "c", "n0", "n1", "n2"):
        assert "amount_implausible" in str(statuses[number]), statuses
    assert statuses["wide"] == "value_unparseable"
    # 7 of 19 rows are no rate.
    assert "huge.transactions" not in waiting(group)
    assert group.warehouse.query(
        "select bronze_amount = quarantined_amount + waiting_amount + current_amount from"
        " silver.dq_batch_reconciliation where _source_table = 'huge.transactions'"
    ) == [(True,)]


def test_a_full_read_wins_over_whatever_came_before(group: Group) -> None:
    owed = group.receivables()
    assert owed["reused"] == "85.00"
    assert owed["restored"] == "80.00"
    assert owed["went_back"] == "100.00"
    assert group.warehouse.query(
        "select patient_id, charge_amount from silver.cdm_transactions"
        " where source_system = 'reused' and transaction_id = '100'"
    ) == [("P-77", Decimal("35.00"))]


def test_other_hospitals_go_on_and_a_moved_hyphen_is_a_change(group: Group) -> None:
    assert group.receivables()["sound"] == "42.00"
    assert group.warehouse.query(
        "select provider_id, first_name, last_name, npi from silver.cdm_providers"
        " where source_system = 'sound' order by provider_id"
    ) == [("1", "Jean-Pierre", "Smith", None), ("2", "Ann", "Lee", "-1")]


def test_a_batch_above_a_limit_waits_and_says_what_how_much_and_how_to_decide(group: Group) -> None:
    owed = group.receivables()
    assert owed["half_loaded"] == "20000.00"
    assert owed["feed"] == owed["accepted_feed"] == "300.00"
    assert group.warehouse.query("select count(*) from silver.cdm_providers where source_system = 'half_loaded'") == [
        (300,)
    ]
    found = waiting(group)
    assert {"half_loaded.transactions", "half_loaded.providers", "feed.transactions"} <= set(found)
    text = "\n".join(failures(group))
    batch = found["half_loaded.transactions"]
    assert (
        f"half_loaded.transactions: batch {batch}: 198 of 200 keys would be deleted (99.0 %, limit 20.0 %), $19800.00"
    ) in text
    assert f'rcm accept {batch} --reason "..."' in text
    assert f'rcm refuse {batch} --reason "..."' in text
    assert "299 of 300 keys would be deleted (99.7 %, limit 20.0 %)" in text
    assert "20 of 30 rows are rejected or quarantined (66.7 %, limit 20.0 %), $140.00" in text


def test_a_waiting_batch_keeps_the_month_of_its_own_hospital_open_and_no_other(group: Group) -> None:
    close = ("rcm", "close", "2026-10", "--by", "controller", "--hospital")
    group.warehouse.run(*close, "half_loaded", expect=1)
    assert "sound: closed 2026-10, A/R $42.00" in group.warehouse.run(*close, "sound")


def test_people_decide_and_the_next_build_follows(group: Group) -> None:
    warehouse, found = group.warehouse, waiting(group)

    def decide(word: str, table: str, expect: int = 0) -> str:
        return warehouse.run("rcm", word, found[table], "--reason", "looked at it", "--by", "steward", expect=expect)

    warehouse.run("rcm", "accept", "20260101T000000000000-sound.transactions", "--reason", "x", expect=2)
    warehouse.run("rcm", "accept", found["feed.transactions"], "--reason", " ", expect=2)
    decide("refuse", "half_loaded.transactions")
    decide("accept", "half_loaded.providers")
    decide("refuse", "feed.transactions")
    decide("accept", "accepted_feed.transactions")
    decide("accept", "foreign_words.transactions")
    decide("accept", "small.transactions")
    assert "before" in decide("accept", "small.transactions")
    decide("refuse", "small.transactions", expect=1)
    ((built,),) = warehouse.query(
        "select batch_id from gold.fct_source_batches where source_table = 'sound.providers' order by 1 limit 1"
    )
    warehouse.run("rcm", "refuse", str(built), "--reason", "too late", expect=1)

    # The source of the refused feed is corrected without a new date; what was refused is read again.
    group.execute("feed", "update transactions set day = '2026-10-06' where day < '1900-01-01'")
    group.put("half_loaded", *(line(f"{number:03}", "100.00") for number in range(2, 200)))
    warehouse.run("rcm", "ingest")
    # A build that dies half way leaves the decisions to the next.
    warehouse.run("dbt", "build", killed_at=25)
    warehouse.run("rcm", "run", expect=1, tests=True)

    owed = group.receivables()
    assert owed["half_loaded"] == "20000.00"
    assert owed["feed"] == "470.00"
    assert owed["accepted_feed"] == "330.00"
    assert owed["foreign_words"] == "125.00"
    assert warehouse.query(
        "select distinct event_type from gold.fct_ar_events inner join gold.dim_hospital using (hospital_key)"
        " where hospital_code = 'foreign_words' order by 1"
    ) == [("CHARGE",), ("PAYMENT_UNKNOWN",)]
    assert warehouse.query("select count(*) from silver.cdm_providers where source_system = 'half_loaded'") == [(1,)]
    assert warehouse.query(
        "select hospital_code, missing_reason, is_expected from gold.rpt_missing_hospitals order by all"
    ) == [
        ("silent", "nothing arrived that was not refused", False),
        ("small", "10 of 10 rows that arrived are rejected or quarantined", True),
    ]
    assert waiting(group) == {}
    # Every row and dollar is still somewhere.
    assert warehouse.query(
        "select refused_rows, refused_amount from silver.dq_batch_reconciliation"
        f" where _batch_id = '{found['feed.transactions']}'"
    ) == [(30, Decimal("170.00"))]


def test_decisions_are_shown_with_who_and_why(group: Group) -> None:
    state = json.loads(group.warehouse.run("rcm", "status", "--json", expect=1))
    shown = {(row["source_table"], row["decision"], row["decided_by"]) for row in state["batch_decisions"]}
    assert ("half_loaded.transactions", "refused", "steward") in shown
    (row,) = (row for row in state["batch_decisions"] if row["source_table"] == "half_loaded.transactions")
    assert row["reason"] == "looked at it"
    assert row["finding"].startswith("198 of 200 keys would be deleted")
    assert "looked at it" in group.warehouse.run("rcm", "status", expect=1)


def test_a_replay_makes_the_same_of_bronze_and_the_decisions(group: Group) -> None:
    before = group.warehouse.content()
    group.warehouse.run("rcm", "replay", expect=1, tests=True)
    after = group.warehouse.content()
    # The log of what was once kept out survives a replay with what was refused in the meantime.
    assert {name: rows for name, rows in after.items() if before[name] != rows} == {}
