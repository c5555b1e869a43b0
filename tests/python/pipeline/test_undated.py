"""Records without a date of change: their arrival dates them, and no version and no deletion is lost for it."""

import datetime
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from tests.python.pipeline.conftest import Warehouse

COLUMNS = (
    "EncounterID",
    "PatientID",
    "EncounterDate",
    "EncounterType",
    "ProviderID",
    "DepartmentID",
    "ProcedureCode",
    "InsertedDate",
    "ModifiedDate",
)
DAY = datetime.datetime(2024, 3, 1)

# Each batch: load type, and encounter, type and date of change of its rows.
BATCHES: list[tuple[str, list[tuple[str, str, datetime.datetime | None]]]] = [
    ("full", [(f"E{number}", "Inpatient", DAY if number == 2 else None) for number in (1, 2, 3, 4)]),
    ("incremental", [("E1", "Emergency", None), ("E2", "Emergency", None), ("E4", "Emergency", DAY)]),
    ("full", [("E1", "Outpatient", None), ("E2", "Emergency", None), ("E4", "Emergency", DAY)]),
]
CURRENT = [("E1", "Outpatient"), ("E2", "Emergency"), ("E4", "Emergency")]


def write_encounters(lakehouse: Path, minute: int) -> None:
    load_type, rows = BATCHES[minute]
    moment = datetime.datetime(2025, 1, 1, 0, minute)
    batch_id = f"20250101T00{minute:02d}00000000-hospital_a.encounters"
    columns: dict[str, list[object]] = {
        name: [None] * len(rows) for name in COLUMNS if name not in ("EncounterID", "EncounterType", "ModifiedDate")
    }
    columns |= {
        "EncounterID": [row[0] for row in rows],
        "PatientID": ["P1"] * len(rows),
        "EncounterDate": [datetime.date(2024, 2, 1)] * len(rows),
        "EncounterType": [row[1] for row in rows],
        "ModifiedDate": [row[2] for row in rows],
        "_batch_id": [batch_id] * len(rows),
        "_row_number": list(range(1, len(rows) + 1)),
        "_load_type": [load_type] * len(rows),
        "_ingested_at": [moment] * len(rows),
        "_source_file": [None] * len(rows),
        "_row_hash": [f"{row}" for row in rows],
    }
    types = {"EncounterDate": pa.date32(), "_row_number": pa.int64()}
    types |= dict.fromkeys(("InsertedDate", "ModifiedDate", "_ingested_at"), pa.timestamp("us"))
    schema = pa.schema([(name, types.get(name, pa.string())) for name in (*COLUMNS, *list(columns)[len(COLUMNS) :])])
    folder = lakehouse / "bronze" / "hospital_a" / "encounters"
    write_deltalake(folder, pa.table({name: columns[name] for name in schema.names}, schema=schema), mode="append")


def current(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.query("select encounter_id, encounter_type from silver.cdm_encounters order by 1")


def test_every_change_counts_in_steps_or_at_once(tmp_path: Path) -> None:
    at_once, in_steps = Warehouse(tmp_path / "at_once"), Warehouse(tmp_path / "in_steps")
    for minute in range(len(BATCHES)):
        write_encounters(at_once.lakehouse, minute)
        write_encounters(in_steps.lakehouse, minute)
        in_steps.run("dbt", "build", "--select", "+cdm_encounters")
    at_once.run("dbt", "build", "--select", "+cdm_encounters")

    assert current(at_once) == CURRENT
    assert current(in_steps) == CURRENT
    versions = "select * exclude (dbt_updated_at) from history.encounters_history order by dbt_scd_id"
    assert at_once.query(versions) == in_steps.query(versions)
