"""History (SCD type 2) over several pending batches: the same versions whether built in steps or at once."""

from pathlib import Path

import duckdb

from tests.python.lakehouses import Warehouse, with_project
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
# Histories, with the invariants that hold them against a rebuild from bronze.
HISTORIES = ("--select", "+path:snapshots")


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
    warehouse.run("dbt", "build", *HISTORIES, tests=True)
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        connection.execute("delete from history.departments_history where department_id = 'D1'")
    printed = warehouse.run("dbt", "build", *HISTORIES, expect=1, tests=True)
    assert "assert_history_equals_a_rebuild_from_bronze" in printed
    warehouse.run("dbt", "build", *HISTORIES, "--full-refresh", tests=True)
    assert versions(warehouse) == VERSIONS


# A user's own snapshots, of the two strategies that dbt has.
USER_SNAPSHOTS = """
{% snapshot tariffs_by_timestamp %}
{{ config(strategy='timestamp', unique_key='code', updated_at='changed_at') }}
select * from main.tariffs
{% endsnapshot %}

{% snapshot tariffs_by_check %}
{{ config(strategy='check', unique_key='code', check_cols=['price'], hard_deletes='invalidate') }}
select * from main.tariffs
{% endsnapshot %}
"""
OPEN = "dbt_valid_to = timestamp '9999-12-31'"


def write_tariffs(warehouse: Warehouse, *rows: tuple[str, int, str]) -> None:
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        connection.execute("create or replace table main.tariffs (code text, price integer, changed_at timestamp)")
        connection.executemany("insert into main.tariffs values (?, ?, ?)", rows)


def test_snapshots_of_other_strategies_keep_history_beside_ours(tmp_path: Path) -> None:
    project = with_project(Warehouse(tmp_path / "lakehouse"), tmp_path / "project")
    (project.project / "snapshots" / "tariffs.sql").write_text(USER_SNAPSHOTS)
    select = ("--select", "+departments_history", "tariffs_by_timestamp", "tariffs_by_check")
    project.lakehouse.mkdir()

    write_departments(project.lakehouse, 0, "full", [("D1", "Emergency"), ("D2", "Cardiology")])
    write_tariffs(project, ("A", 10, "2024-01-01"), ("B", 20, "2024-01-01"), ("C", 30, "2024-01-01"))
    project.run("dbt", "build", *select)
    write_departments(project.lakehouse, 1, "full", [("D1", "Emergency"), ("D2", "Heart")])
    write_tariffs(project, ("A", 11, "2024-02-01"), ("B", 20, "2024-01-01"), ("D", 40, "2024-02-01"))
    project.run("dbt", "build", *select)

    prices = "select code, price, {} from history.tariffs_by_{} order by code, price"
    assert project.query(
        prices.format(f"{OPEN}, dbt_valid_from::date::text, dbt_valid_to::date::text", "timestamp")
    ) == [
        ("A", 10, False, "2024-01-01", "2024-02-01"),
        ("A", 11, True, "2024-02-01", "9999-12-31"),
        ("B", 20, True, "2024-01-01", "9999-12-31"),
        # A snapshot by timestamp does not look for deletions unless it is asked to.
        ("C", 30, True, "2024-01-01", "9999-12-31"),
        ("D", 40, True, "2024-02-01", "9999-12-31"),
    ]
    assert project.query(prices.format(OPEN, "check")) == [
        ("A", 10, False),
        ("A", 11, True),
        ("B", 20, True),
        ("C", 30, False),
        ("D", 40, True),
    ]
    assert versions(project) == [
        ("D1", 1, "Emergency", False, True),
        ("D2", 1, "Cardiology", False, False),
        ("D2", 2, "Heart", False, True),
    ]
