"""Months that were closed: frozen, restated in the first open month, reopened as a new version."""

import json
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
import yaml

from ingestion.bronze.decisions import DECISIONS
from rcm.finance.month_close import CLOSES, MONEY, REOPENINGS
from tests.python.lakehouses import PROJECT, SimulatedDays, Warehouse

REPORT_COLUMNS = list(
    dict.fromkeys(
        row["column"]
        for row in yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["event_types"]
        if "column" in row
    )
)
AMOUNTS = ("opening_amount", "restatement_amount", *REPORT_COLUMNS, "closing_amount")
LATE_LINE = """
    insert into transactions
    (TransactionID, EncounterID, PatientID, ProviderID, DeptID, VisitDate, ServiceDate, VisitType, Amount, AmountType,
     PaidAmount, PayorID, ProcedureCode, ICDCode, LineOfBusiness, InsertDate, ModifiedDate)
    select ?, EncounterID, PatientID, ProviderID, DeptID, ?, ?, VisitType, ?, 'Medicare', 0, 'Medicare', ProcedureCode,
        ICDCode, 'Medicare', ?, ?
    from transactions where TransactionID = 'TRANS000001'
"""


@pytest.fixture(scope="module")
def books(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A lakehouse in which all months up to October 2024 are closed."""
    warehouse = simulated_days.copy(0, tmp_path_factory.mktemp("lakehouse"))
    warehouse.run("rcm", "close", "2024-10", "--by", "controller")
    return warehouse


def enter_line(warehouse: Warehouse, number: str, service_date: str, amount: str, entered: str) -> None:
    """A charge of Medicare that hospital A enters late."""
    with closing(sqlite3.connect(warehouse.lakehouse / "sources" / "hospital_a.db")) as source, source:
        source.execute(LATE_LINE, (number, service_date, service_date, amount, entered, f"{entered} 10:00:00"))


def rollforward(warehouse: Warehouse, *months: int) -> dict[int, dict[str, object]]:
    """Hospital A's roll-forward of Medicare by month."""
    names = ("month_key", "is_closed", "close_version", *AMOUNTS, "restated_closing_amount")
    rows = warehouse.query(
        f"""
        select {", ".join(names)} from gold.fct_ar_rollforward_monthly inner join gold.dim_hospital using (hospital_key)
        where hospital_code = 'hospital_a' and payer_group = 'Medicare' and month_key in {(*months, 0)}
        """
    )
    return {int(str(row[0])): dict(zip(names, row, strict=True)) for row in rows}


def closes(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """Every close as gold shows it, without what became of it since."""
    return warehouse.query(
        f"""
        select hospital_key, payer_group, month_key, close_version, closed_at, closed_by, {", ".join(AMOUNTS)}
        from gold.fct_month_close order by all
        """
    )


def test_a_close_freezes_what_was_shown_and_every_open_month_before(books: Warehouse) -> None:
    signed = rollforward(books, 202310, 202410, 202411)
    assert [signed[month]["is_closed"] for month in (202310, 202410, 202411)] == [True, True, False]
    assert signed[202410]["closing_amount"] == signed[202410]["restated_closing_amount"]
    assert {row[5] for row in closes(books)} == {"controller"}


def test_closing_again_changes_nothing(books: Warehouse) -> None:
    before = closes(books)
    assert "closed before" in books.run("rcm", "close", "2024-10")
    assert closes(books) == before


def test_a_month_that_is_not_over_cannot_be_closed(books: Warehouse) -> None:
    today = date.today().isoformat()  # noqa: DTZ011 - the month is the same everywhere, but for some hours
    before = closes(books)
    books.run("rcm", "close", today[:7], expect=1)
    books.run("rcm", "close", "2024-13", expect=2)
    books.run("rcm", "close", "2024-11", "--hospital", "nowhere", expect=2)
    assert closes(books) == before


def test_rows_that_are_not_built_yet_keep_a_month_open(books: Warehouse) -> None:
    enter_line(books, "LATE01", "2024-09-15", "123.45", "2025-01-02")
    books.run("rcm", "ingest", "--source", "hospital_a")
    books.run("rcm", "close", "2024-11", "--hospital", "hospital_a", expect=1)
    assert max(int(str(row[2])) for row in closes(books)) == 202410


@pytest.mark.parametrize("part", ["+dq_batch_reconciliation", "stg_transactions", "+fct_ar_events"])
def test_a_partial_build_keeps_a_month_open(books: Warehouse, part: str) -> None:
    """Silver that is ahead of gold: gold's month lacks a charge that is loaded, and nobody may sign it."""
    books.run("dbt", "--quiet", "run", "--select", part)
    books.run("rcm", "close", "2024-11", "--hospital", "hospital_a", expect=1)
    assert "is older than what it is made from" in books.run("rcm", "status")
    assert max(int(str(row[2])) for row in closes(books)) == 202410


def test_a_late_charge_of_a_closed_month_is_the_restatement_of_the_first_open_one(books: Warehouse) -> None:
    before, signed = rollforward(books, 202409, 202410, 202411), closes(books)
    books.run("rcm", "run", tests=True)
    after = rollforward(books, 202409, 202410, 202411, 202412)

    late = Decimal("123.45")
    for month in (202409, 202410):
        assert {**after[month], "restated_closing_amount": None} == {**before[month], "restated_closing_amount": None}
        assert after[month]["restated_closing_amount"] == before[month]["restated_closing_amount"] + late  # type: ignore[operator]
    assert after[202411]["opening_amount"] == before[202411]["opening_amount"]
    assert (before[202411]["restatement_amount"], after[202411]["restatement_amount"]) == (0, late)
    assert after[202411]["closing_amount"] == before[202411]["closing_amount"] + late  # type: ignore[operator]
    assert after[202412]["restatement_amount"] == 0
    assert closes(books) == signed


def test_ar_is_shown_as_known_then_as_restated_now_and_as_signed(books: Warehouse) -> None:
    printed = json.loads(books.run("rcm", "ar", "--as-of", "2024-10-31", "--by-payer-group", "--json"))
    shown = {(line["hospital_code"], line["payer_group"]): line for line in printed["receivables"]}
    medicare = shown["hospital_a", "Medicare"]
    assert Decimal(medicare["restated_now"]) - Decimal(medicare["as_signed"]) == Decimal("123.45")
    # Entered in January 2025: on the day itself nobody knew of it.
    with_late = Decimal(medicare["known_then"]) + Decimal("123.45")
    assert with_late <= Decimal(medicare["restated_now"])
    whole = json.loads(books.run("rcm", "ar", "--as-of", "2024-10-31", "--json"))["receivables"]
    of_groups = [Decimal(line["restated_now"]) for (name, _), line in shown.items() if name == "hospital_a"]
    assert Decimal(whole[0]["restated_now"]) == sum(of_groups)
    middle = json.loads(books.run("rcm", "ar", "--as-of", "2024-10-30", "--json"))["receivables"]
    assert [line["as_signed"] for line in middle] == [None, None]


def test_the_next_close_signs_the_restatement(books: Warehouse) -> None:
    before = closes(books)
    shown = rollforward(books, 202411)[202411]
    books.run("rcm", "close", "2024-11")
    assert rollforward(books, 202411)[202411] == {**shown, "is_closed": True, "close_version": 1}
    assert rollforward(books, 202412)[202412]["restatement_amount"] == 0
    assert set(before) < set(closes(books))


def test_only_the_last_closed_month_can_be_reopened(books: Warehouse) -> None:
    before = closes(books)
    books.run("rcm", "reopen", "2024-10", "--reason", "earlier", expect=1)
    books.run("rcm", "reopen", "2025-01", "--reason", "open anyway", expect=1)
    assert closes(books) == before


def test_reopening_keeps_the_version_and_the_next_close_makes_another(books: Warehouse) -> None:
    before = closes(books)
    books.run("rcm", "reopen", "2024-11", "--hospital", "hospital_a", "--reason", "a charge was missing")
    assert rollforward(books, 202411)[202411]["is_closed"] is False
    enter_line(books, "LATE02", "2024-11-20", "10.00", "2025-01-03")
    books.run("rcm", "run", tests=True)
    books.run("rcm", "close", "2024-11", "--hospital", "hospital_a")

    assert rollforward(books, 202411)[202411]["close_version"] == 2
    assert set(before) < set(closes(books)), "a version stays as it was signed"
    versions = books.query(
        """
        select close_version, is_in_force, reopen_reason, sum(closing_amount)
        from gold.fct_month_close inner join gold.dim_hospital using (hospital_key)
        where hospital_code = 'hospital_a' and month_key = 202411 group by all order by 1
        """
    )
    (_, first_counts, reason, first), (_, second_counts, _, second) = versions
    assert (first_counts, reason, second_counts) == (False, "a charge was missing", True)
    assert second == first + Decimal("10.00")  # type: ignore[operator]


def test_closed_months_outlive_the_warehouse(books: Warehouse) -> None:
    before = books.content()
    (books.lakehouse / "warehouse.duckdb").unlink()
    books.run("rcm", "replay")
    assert books.content() == before


def test_the_recorded_columns_are_those_declared() -> None:
    recorded = pa.schema([*CLOSES, *(pa.field(name, MONEY) for name in REPORT_COLUMNS)])
    declared = yaml.safe_load((PROJECT / "models/silver/intermediate/_ledger__sources.yml").read_text())
    types = {pa.string(): "string", pa.int64(): "bigint", pa.timestamp("us"): "timestamp"}
    for table, schema in zip(declared["sources"][0]["tables"], (recorded, REOPENINGS, DECISIONS), strict=True):
        columns = {column["name"]: column["data_type"] for column in table["columns"]}
        assert columns == {field.name: types.get(field.type, "decimal(18,2)") for field in schema}


def test_a_build_that_was_killed_keeps_a_month_open(books: Warehouse) -> None:
    books.run("dbt", "--quiet", "build")
    with closing(duckdb.connect(str(books.lakehouse / "warehouse.duckdb"))) as connection:
        connection.execute("update audit.build_log set status = 'running' where node_id = 'build'")
    books.run("rcm", "close", "2024-12", "--hospital", "hospital_a", expect=1)
    assert "the last build did not come to its end" in books.run("rcm", "status")
    books.run("dbt", "--quiet", "build")
    assert "gold is behind" not in books.run("rcm", "status")
