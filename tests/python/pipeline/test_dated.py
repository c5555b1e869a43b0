"""Records with a date of change: late-arriving, touched, emptied, changed twice on a day, or deleted for a while."""

import datetime
from pathlib import Path

from tests.python.lakehouses import Warehouse
from tests.python.pipeline.batches import write_encounters

Row = tuple[str, str, str | None, datetime.datetime | None]

FIRST, SECOND, THIRD = (datetime.datetime(2024, 3, day) for day in (1, 2, 3))
OPEN_END = datetime.datetime(9999, 12, 31)
# A date far after its load, which ran a minute before the next one; the correction came in between.
WRONG_CLOCK = datetime.datetime(2090, 1, 1)
FIRST_LOAD = datetime.datetime(2025, 1, 1)
CORRECTED = datetime.datetime(2025, 1, 1, 0, 0, 30)
# When the load that no longer holds V5 ran, and the one that has it again: nobody knew of it earlier.
GONE, BACK = (datetime.datetime(2025, 1, 1, 0, minute) for minute in (3, 4))

V1 = ("V1", "Inpatient", "PR1", THIRD)
V2 = ("V2", "Inpatient", "PR1", THIRD)
V3 = ("V3", "Inpatient", "PR1", SECOND)
V4 = ("V4", "Emergency", "PR1", FIRST)
V5 = ("V5", "Inpatient", "PR1", FIRST)
V6 = ("V6", "Emergency", "PR1", CORRECTED)
V3_OLDER = ("V3", "Emergency", "PR1", FIRST)

# Each batch: load type, and number, type, provider and date of change of its rows.
BATCHES: list[tuple[str, list[Row]]] = [
    (
        "full",
        [
            ("V1", "Inpatient", "PR1", FIRST),
            ("V2", "Inpatient", "PR1", FIRST),
            V3,
            ("V4", "Inpatient", "PR1", FIRST),
            V5,
            ("V6", "Inpatient", "PR1", WRONG_CLOCK),
        ],
    ),
    # The value turned NULL; only touched; late; changed again on the day of its first change.
    ("incremental", [("V1", "Inpatient", None, SECOND), V2, V3_OLDER, V4, V6]),
    # The value is back; delivered again, both the touched and the late one.
    ("incremental", [V1, V2, V3_OLDER]),
    ("full", [V1, V2, V3, V4, V6]),
    ("full", [V1, V2, V3, V4, V5, V6]),
]

VERSIONS = [
    # encounter, version, type, provider, deleted, valid from, valid to
    ("V1", 1, "Inpatient", "PR1", False, FIRST, SECOND),
    ("V1", 2, "Inpatient", None, False, SECOND, THIRD),
    ("V1", 3, "Inpatient", "PR1", False, THIRD, OPEN_END),
    ("V2", 1, "Inpatient", "PR1", False, FIRST, OPEN_END),
    ("V3", 1, "Inpatient", "PR1", False, SECOND, OPEN_END),
    ("V4", 1, "Inpatient", "PR1", False, FIRST, FIRST),
    ("V4", 2, "Emergency", "PR1", False, FIRST, OPEN_END),
    ("V5", 1, "Inpatient", "PR1", False, FIRST, GONE),
    ("V5", 2, None, None, True, GONE, BACK),
    ("V5", 3, "Inpatient", "PR1", False, BACK, OPEN_END),
    ("V6", 1, "Inpatient", "PR1", False, FIRST_LOAD, CORRECTED),
    ("V6", 2, "Emergency", "PR1", False, CORRECTED, OPEN_END),
]

# Of each batch: rows in bronze, duplicates, superseded, current. What a full read repeats of an increment is no
# duplicate: the increment may have come late.
OUTCOMES = [(6, 0, 4, 2), (5, 0, 3, 2), (3, 2, 0, 1), (5, 0, 5, 0), (6, 5, 0, 1)]


def build(warehouse: Warehouse) -> None:
    """Histories, with the invariants that hold them against a rebuild from bronze."""
    warehouse.run("dbt", "build", "--select", "+path:snapshots", "+dq_batch_reconciliation", tests=True)


def test_versions_are_the_same_in_steps_or_at_once_and_every_row_has_its_outcome(tmp_path: Path) -> None:
    at_once, in_steps = Warehouse(tmp_path / "at_once"), Warehouse(tmp_path / "in_steps")
    for minute, (load_type, rows) in enumerate(BATCHES):
        for warehouse in (at_once, in_steps):
            write_encounters(warehouse.lakehouse, minute, load_type, rows)
        # The last step takes two batches: V5 is gone with the first of them and back with the second.
        if minute in (0, 2):
            build(in_steps)
    for warehouse in (at_once, in_steps):
        build(warehouse)
        versions = warehouse.query(
            """
            select
                first_value(encounter_id) over (partition by encounter_key order by version_number) as number,
                version_number, encounter_type, provider_id, is_deleted, dbt_valid_from, dbt_valid_to
            from history.encounters_history order by number, version_number
            """
        )
        assert versions == VERSIONS
        outcomes = warehouse.query(
            """
            select bronze_rows, duplicate_rows, superseded_rows, current_rows
            from silver.dq_batch_reconciliation where entity = 'encounters' order by _batch_id
            """
        )
        assert outcomes == OUTCOMES
