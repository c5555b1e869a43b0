"""History walks several pending batches in order: the same versions whether built in steps or at once."""

from pathlib import Path

import duckdb

from tests.python.lakehouses import Warehouse
from tests.python.pipeline.batches import write_departments

Row = tuple[str | None, str | None]

# Each batch says what it adds to the story of its department.
BATCHES: list[tuple[str, list[Row]]] = [
    ("full", [("D1", "Emergency"), ("D2", "Cardiology"), ("D3", "Oncology"), ("D4", "Surgery"), ("D4", "Surgery")]),
    ("full", [("D1", "Emergency"), ("D2", "Heart"), ("D3", "Oncology"), ("D4", "Surgery")]),
    ("full", [("D1", "Emergency"), ("D2", "Cardiology"), ("D4", None), ("D5", "One"), ("D5", "Two")]),
    ("full", [("D1", "Emergency"), ("D2", "Cardiology"), ("D3", "Oncology"), ("D4", "Surgery 2"), (None, "Nameless")]),
    ("incremental", [("D2", "Heart")]),
]

VERSIONS = [
    # department, version, name, deleted, current
    ("D1", 1, "Emergency", False, True),
    ("D2", 1, "Cardiology", False, False),
    ("D2", 2, "Heart", False, False),
    ("D2", 3, "Cardiology", False, False),
    ("D2", 4, "Heart", False, True),
    ("D3", 1, "Oncology", False, False),
    ("D3", 2, None, True, False),
    ("D3", 3, "Oncology", False, True),
    ("D4", 1, "Surgery", False, False),
    ("D4", 2, "Surgery 2", False, True),
]

# Batches after which a build follows, so that each build finds one or two batches pending.
BUILT_AFTER = (1, 2, 4)

# Outcome of every bronze row, summed over batches.
OUTCOMES = {"bronze": 20, "rejected": 1, "duplicate": 7, "quarantined": 3, "current": 4, "superseded": 5}

SELECT = ("--select", "+departments_history", "cdm_departments")


def versions(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """What history holds, without anything that differs from run to run."""
    return warehouse.query(
        """
        with named as (
            select
                *,
                first_value(department_id) over (partition by department_key order by version_number) as code
            from history.departments_history
        )
        select code, version_number, department_name, is_deleted, year(dbt_valid_to) = 9999
        from named order by all
        """
    )


def build(warehouse: Warehouse) -> None:
    warehouse.run("dbt", "build", *SELECT)


def test_batches_in_steps_or_at_once_make_the_same_history(tmp_path: Path) -> None:
    at_once = Warehouse(tmp_path / "at_once")
    in_steps = Warehouse(tmp_path / "in_steps")
    for minute, (load_type, rows) in enumerate(BATCHES):
        for warehouse in (at_once, in_steps):
            write_departments(warehouse.lakehouse, minute, load_type, rows)
        if minute in BUILT_AFTER:
            build(in_steps)
    build(at_once)

    assert versions(at_once) == VERSIONS
    assert versions(in_steps) == VERSIONS
    comparable = "select * exclude (dbt_updated_at) from history.departments_history order by dbt_scd_id"
    assert at_once.query(comparable) == in_steps.query(comparable)
    statuses = "select row_status, count(*) from silver.stg_departments group by all order by all"
    assert at_once.query(statuses) == in_steps.query(statuses)


def test_every_row_has_one_outcome(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "lakehouse")
    for minute, (load_type, rows) in enumerate(BATCHES):
        write_departments(warehouse.lakehouse, minute, load_type, rows)
    warehouse.run("dbt", "build", "--select", "+dq_batch_reconciliation")
    totals = warehouse.query(
        """
        select
            sum(bronze_rows), sum(rejected_rows), sum(duplicate_rows), sum(quarantined_rows),
            sum(current_rows), sum(superseded_rows)
        from silver.dq_batch_reconciliation where entity = 'departments'
        """
    )[0]
    assert dict(zip(OUTCOMES, map(int, map(str, totals)), strict=True)) == OUTCOMES


def test_a_full_refresh_makes_history_anew_from_bronze(tmp_path: Path) -> None:
    """History that staging left behind is noticed by the build and mended by a full refresh."""
    warehouse = Warehouse(tmp_path / "lakehouse")
    for minute, (load_type, rows) in enumerate(BATCHES):
        write_departments(warehouse.lakehouse, minute, load_type, rows)
    warehouse.run("dbt", "build")
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        connection.execute("delete from history.departments_history where department_id = 'D1'")
    assert "assert_history_equals_a_rebuild_from_bronze" in warehouse.run("dbt", "build", expect=1)
    warehouse.run("dbt", "build", "--full-refresh")
    assert versions(warehouse) == VERSIONS
