"""Records without a date of change: they are dated by their arrival, and no version and no deletion is lost."""

import datetime
from pathlib import Path

from tests.python.lakehouses import Warehouse
from tests.python.pipeline.batches import write_encounters

DAY = datetime.datetime(2024, 3, 1)

# Each batch: load type, and encounter, type and date of change of its rows.
BATCHES: list[tuple[str, list[tuple[str, str, datetime.datetime | None]]]] = [
    ("full", [(f"E{number}", "Inpatient", DAY if number == 2 else None) for number in (1, 2, 3, 4)]),
    ("incremental", [("E1", "Emergency", None), ("E2", "Emergency", None), ("E4", "Emergency", DAY)]),
    ("full", [("E1", "Outpatient", None), ("E2", "Emergency", None), ("E4", "Emergency", DAY)]),
]
CURRENT = [("E1", "Outpatient"), ("E2", "Emergency"), ("E4", "Emergency")]


def write_batch(warehouse: Warehouse, minute: int) -> None:
    load_type, rows = BATCHES[minute]
    dated = [(number, encounter_type, None, changed) for number, encounter_type, changed in rows]
    write_encounters(warehouse.lakehouse, minute, load_type, dated)


def current(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.query("select encounter_id, encounter_type from silver.cdm_encounters order by 1")


def test_every_change_counts_in_steps_or_at_once(tmp_path: Path) -> None:
    at_once, in_steps = Warehouse(tmp_path / "at_once"), Warehouse(tmp_path / "in_steps")
    for minute in range(len(BATCHES)):
        write_batch(at_once, minute)
        write_batch(in_steps, minute)
        in_steps.run("dbt", "build", "--select", "+cdm_encounters")
    at_once.run("dbt", "build", "--select", "+cdm_encounters")

    assert current(at_once) == CURRENT
    assert current(in_steps) == CURRENT
    # The change of E2 says no day: nobody knew of it before its load.
    valid_from = (
        "select dbt_valid_from from history.encounters_history where encounter_id = 'E2' order by version_number"
    )
    assert at_once.query(valid_from) == [(DAY,), (datetime.datetime(2025, 1, 1, 0, 1),)]
    versions = "select * exclude (dbt_updated_at) from history.encounters_history order by dbt_scd_id"
    assert at_once.query(versions) == in_steps.query(versions)
