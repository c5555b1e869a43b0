"""History walks several pending batches in order: the same versions whether batches are built one by one or at once."""

from pathlib import Path

import pytest

from tests.python.pipeline.conftest import Warehouse, write_departments

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


def test_batches_one_by_one_or_at_once_make_the_same_history(tmp_path: Path) -> None:
    at_once = Warehouse(tmp_path / "at_once")
    one_by_one = Warehouse(tmp_path / "one_by_one")
    for minute, (load_type, rows) in enumerate(BATCHES):
        for warehouse in (at_once, one_by_one):
            write_departments(warehouse.lakehouse, minute, load_type, rows)
        build(one_by_one)
    build(at_once)

    assert versions(at_once) == VERSIONS
    assert versions(one_by_one) == VERSIONS
    comparable = "select * exclude (dbt_updated_at) from history.departments_history order by dbt_scd_id"
    assert at_once.query(comparable) == one_by_one.query(comparable)
    statuses = "select row_status, count(*) from silver.stg_departments group by all order by all"
    assert at_once.query(statuses) == one_by_one.query(statuses)


@pytest.mark.parametrize("builds", [1, 2])
def test_every_row_has_one_outcome(tmp_path: Path, builds: int) -> None:
    warehouse = Warehouse(tmp_path / "lakehouse")
    for minute, (load_type, rows) in enumerate(BATCHES):
        write_departments(warehouse.lakehouse, minute, load_type, rows)
    for _ in range(builds):
        warehouse.run(
            "dbt", "build", "--select", "+dq_batch_reconciliation", "assert_every_bronze_row_is_accounted_for"
        )
    totals = warehouse.query(
        """
        select
            sum(bronze_rows), sum(rejected_rows), sum(duplicate_rows), sum(quarantined_rows),
            sum(current_rows), sum(superseded_rows)
        from silver.dq_batch_reconciliation where entity = 'departments'
        """
    )[0]
    assert dict(zip(OUTCOMES, map(int, map(str, totals)), strict=True)) == OUTCOMES
