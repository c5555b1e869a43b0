"""Values of a database that fit no declared type: their rows are rejected with the reason, others arrive in gold."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.python.lakehouses import SimulatedDays, Warehouse

MOVED = "ModifiedDate = '2025-01-02 08:00:00'"


@pytest.fixture
def warehouse(simulated_days: SimulatedDays, tmp_path: Path) -> Warehouse:
    """Two hospitals as the demonstration leaves them."""
    return simulated_days.copy(0, tmp_path / "lakehouse")


def test_one_bad_value_rejects_its_row_and_stops_no_table(warehouse: Warehouse) -> None:
    with closing(sqlite3.connect(warehouse.lakehouse / "sources" / "hospital_a.db")) as source, source:
        source.execute(f"update patients set DOB = '1980-13-45', {MOVED} where rowid = 1")
        source.execute(f"update patients set LastName = cast(x'ff41' as text), {MOVED} where rowid = 2")
        source.execute(f"update patients set FirstName = 'Corrected', {MOVED} where rowid = 3")
        source.execute(f"update transactions set Amount = '12,5O', {MOVED} where rowid = 1")
        ids = [source.execute(f"select PatientID from patients where rowid = {row}").fetchone()[0] for row in (1, 2, 3)]
    before = warehouse.query("select sum(charge_amount) from gold.fct_transactions")

    said = warehouse.run("rcm", "run", "--source", "hospital_a")

    assert "2 rows hold values that do not fit: DOB (1 not date), LastName (1 not string)" in " ".join(said.split())
    assert "12,5O" not in said
    rejected = warehouse.query(
        f"select _unparsed_columns, failed_rules from silver.stg_patients where row_status = 'rejected'"
        f" and patient_id in ('{ids[0]}', '{ids[1]}') order by 1"
    )
    assert rejected == [("DOB", "value_unparseable"), ("LastName", "value_unparseable")]
    current = f"from silver.cdm_patients where source_system = 'hospital_a' and patient_id = '{ids[2]}'"
    assert warehouse.query(f"select first_name {current}") == [("Corrected",)]
    assert warehouse.query(
        "select _unparsed_columns, failed_rules from silver.stg_transactions where row_status = 'rejected'"
        " and _unparsed_columns = 'Amount'"
    ) == [("Amount", "value_unparseable")]
    # The charge stays as it was, until the source corrects it.
    assert warehouse.query("select sum(charge_amount) from gold.fct_transactions") == before
    # Bronze keeps the text, silver and gold do not have it.
    held = warehouse.query("select _unread from bronze_hospital_a.transactions where _unread is not null")
    assert held == [('{"Amount": "12,5O"}',)]
