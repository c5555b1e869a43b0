"""Days of hospitals in four zones, what was known when, and codes by the release of their day: one load, one change.

Each hospital has charge lines only. Rows say in their number what they are about; every other value is usual.
"""

import csv
import datetime
import json
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
import yaml

from tests.python.ingestion.test_icd_releases import order_file
from tests.python.lakehouses import DBT_PARTS, PROJECT, Warehouse
from tests.python.pipeline.charge_lines import MAP as CHARGE_LINES

MAP = CHARGE_LINES | {"inserted_at": "entered"}
TYPES = {"day": "date", "amount": "decimal(18,2)", "paid": "decimal(18,2)", "paid_day": "date"} | dict.fromkeys(
    ("seen", "entered", "updated"), "timestamp"
)
COLUMNS = (*MAP.values(), "seen")
USUAL = {
    "mrn": "M-1",
    "payer": "P-1",
    "plan": "Commercial",
    "payer_kind": "Insurance",
    "code": "99213",
    "icd": "I10",
    "day": "2026-10-05",
    "amount": 100,
    "paid": 0,
    "entered": "2026-10-06 09:00:00",
    "updated": "2026-10-06 09:00:00",
}
ZONES = {"new_york": "America/New_York", "kolkata": "Asia/Kolkata", "honolulu": "Pacific/Honolulu", "plain": None}
# Where the day of a service is a moment, as a column or in an expression.
SERVICE_DATES = {"new_york": "seen", "kolkata": "cast(coalesce(seen, updated) as date)"}
Line = dict[str, object]


def line(number: str, **values: object) -> Line:
    return {"line": number, "visit": f"V-{number}", **USUAL, **values}


FIRST: dict[str, list[Line]] = {
    "new_york": [
        line("month end", seen="2026-10-05 10:00:00-04:00"),
        line("moment", seen="2026-10-31 22:30-04", entered="2026-10-31 22:45:00", updated="2026-10-31 22:45:00"),
        line("repeated", seen="2026-10-20T09:00:00-04:00", updated="2026-11-01 01:40:00"),
        line("repeated and late", seen="2026-10-20T09:00:00-04:00", updated="2026-11-01 02:20:00"),
        line("skipped", seen="2026-03-08 02:30:00", updated="2026-03-08 02:30:00", entered="2026-03-08 02:30:00"),
        line("E-1", mrn="M-1", amount=300, seen="2026-09-01 09:00:00-04:00"),
        line("E-2", mrn="M-2", amount=200, paid=50, paid_day="2026-09-20", seen="2026-09-02 09:00:00-04:00"),
    ],
    "kolkata": [
        line("moment", seen="2026-10-31 19:00:00+00:00"),
        line("expression", seen=None, updated="2026-11-01 00:30:00", entered="2026-11-01 00:30:00"),
        line("month end", seen="2026-10-05 10:00:00+05:30"),
    ],
    "honolulu": [
        line("month end"),
        line("late payer", day="2026-10-31", entered="2026-10-31 23:00:00", updated="2026-10-31 23:00:00"),
        line("reposted", payer="P-1", plan="Commercial", amount=70),
    ],
    "plain": [
        line("no entry", day="2025-11-03", paid=60, paid_day="2025-12-01", entered=None, updated="2026-02-03 08:00:00"),
        line("entry", day="2025-11-04", paid=10, paid_day="2025-12-01", updated="2026-02-03 08:00:00"),
        line("G20 of 2023", icd="G20", day="2023-08-15"),
        line("G20.A1 of 2023", icd="G20A1", day="2023-08-15"),
        line("G20.A1 of 2023, October", icd="G20.A1", day="2023-10-01"),
        line("G20 of 2023, October", icd="G20", day="2023-10-01"),
        line("G20 of 2021", icd="G20", day="2021-01-05"),
        line("E11 of 2023", icd="E11", day="2023-01-05"),
        line("Z99 of 2023", icd="Z99.99", day="2023-01-05"),
        line("month end"),
    ],
}
SECOND: dict[str, list[Line]] = {
    "new_york": [
        line("month end", amount=90, seen="2026-10-05 10:00:00-04:00", updated="2026-10-31 22:30:00"),
        line("repeated", amount=110, seen="2026-10-20T09:00:00-04:00", updated="2026-11-01 01:10:00"),
        line("repeated and late", amount=999, seen="2026-10-20T09:00:00-04:00", updated="2026-11-01 01:50:00"),
        line("E-2", mrn="M-1", amount=200, paid=50, paid_day="2026-09-20", seen="2026-09-02 09:00:00-04:00")
        | {"updated": "2026-11-10 12:00:00"},
    ],
    "kolkata": [line("month end", amount=90, seen="2026-10-05 10:00:00+05:30", updated="2026-11-01 01:30:00")],
    "honolulu": [
        line("month end", amount=90, updated="2026-10-31 22:30:00"),
        line("late payer", day="2026-10-31", entered="2026-10-31 23:00:00", updated="2026-10-31 23:00:00"),
        line("reposted", payer="P-2", plan="Medicare", amount=70, updated="2026-11-12 10:00:00"),
    ],
    "plain": [line("month end", amount=90, updated="2026-10-31 22:30:00")],
}
FY2023 = order_file(("G20", "1", "Parkinson's disease"), ("E11", "0", "Type 2 diabetes mellitus"))
FY2024 = order_file(("G20", "0", "Parkinson's disease"), ("G20A1", "1", "Parkinson's disease without dyskinesia"))


def system(name: str) -> dict[str, Any]:
    """A hospital's control table: a database, for Honolulu files."""
    is_file, zone = name == "honolulu", ZONES[name]
    load: dict[str, Any] = {"key": ["line"], "mode": "incremental"}
    load |= {"files": "honolulu/*.csv"} if is_file else {"object": "lines", "watermark": "updated", "lag": "P2D"}
    meta: dict[str, Any] = {
        "label": name,
        "kind": "files" if is_file else "database",
        "connection": {
            "env": f"RCM_{name.upper()}",
            "default": "{lakehouse}/landing" if is_file else f"sqlite:///{{lakehouse}}/{name}.db",
        },
    }
    columns = [{"name": each, "data_type": "string" if is_file else TYPES.get(each, "string")} for each in COLUMNS]
    mapped = MAP | ({"service_date": SERVICE_DATES[name]} if name in SERVICE_DATES else {})
    return {
        "name": name,
        "schema": f"bronze_{name}",
        "config": {"meta": meta | ({"dialect": {"time_zone": zone}} if zone else {})},
        "tables": [
            {"name": "transactions", "config": {"meta": {"load": load, "map": mapped}}, "columns": columns},
        ],
    }


def write(warehouse: Warehouse, name: str, round_name: str, lines: list[Line]) -> None:
    if name == "honolulu":
        file = warehouse.lakehouse / "landing" / "honolulu" / f"{round_name}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="") as target:
            rows = csv.DictWriter(target, COLUMNS)
            rows.writeheader()
            rows.writerows(lines)
        return
    with closing(sqlite3.connect(warehouse.lakehouse / f"{name}.db")) as source, source:
        source.execute(f"create table if not exists lines ({', '.join(COLUMNS)}, primary key (line))")
        holes = ", ".join("?" * len(COLUMNS))
        values = [[entry.get(column) for column in COLUMNS] for entry in lines]
        source.executemany(f"insert or replace into lines values ({holes})", values)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Four hospitals, loaded twice and built."""
    folder = tmp_path_factory.mktemp("project")
    for part in DBT_PARTS:
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "python"))
    for file in (folder / "models" / "bronze").glob("hospital_*.yml"):
        file.unlink()
    for name in ZONES:
        document = yaml.safe_dump({"version": 2, "sources": [system(name)]}, sort_keys=False)
        (folder / "models" / "bronze" / f"{name}.yml").write_text(document)
    listed = {name: ["transactions"] for name in ZONES} | {"icd": ["diagnoses"]}
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    project["vars"]["systems"]["models/bronze"] = listed
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project, sort_keys=False))
    (folder / "models" / "bronze" / "claims.yml").unlink()
    reference = folder / "models" / "bronze" / "reference.yml"
    document = yaml.safe_load(reference.read_text())
    document["sources"] = [entry for entry in document["sources"] if entry["name"] == "icd"]
    reference.write_text(yaml.safe_dump(document, sort_keys=False))

    warehouse = Warehouse(tmp_path_factory.mktemp("lakehouse"), project=folder)
    landing = warehouse.lakehouse / "landing" / "icd10cm"
    landing.mkdir(parents=True)
    (landing / "icd10cm_order_2023.txt").write_text(FY2023)
    (landing / "icd10cm_order_2024.txt").write_text(FY2024)
    for round_name, rows in (("first", FIRST), ("second", SECOND)):
        for name, lines in rows.items():
            write(warehouse, name, round_name, lines)
        warehouse.run("rcm", "ingest")
    warehouse.run("dbt", "build", tests=True)
    return warehouse


def events(days: Warehouse, hospital: str, number: str) -> list[tuple[object, ...]]:
    """Type, money, post date and amount of a line's events."""
    return days.query(
        f"""
        select event_type, money_type, post_date, ar_delta_amount
        from gold.fct_ar_events as events
        inner join silver.cdm_transactions as lines using (transaction_key)
        where source_system = '{hospital}' and transaction_id = '{number}'
        order by known_at, post_date, event_type desc
        """
    )


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("hospital", "posted"),
    [
        ("new_york", "2026-10-31"),
        ("honolulu", "2026-10-31"),
        ("kolkata", "2026-11-01"),
        ("plain", "2026-10-31"),
    ],
)
def test_a_correction_counts_on_the_day_of_the_hospital(days: Warehouse, hospital: str, posted: str) -> None:
    assert events(days, hospital, "month end") == [
        ("CHARGE", "CHARGE", day("2026-10-05"), Decimal(100)),
        ("REVERSAL", "CHARGE", day(posted), Decimal(-100)),
        ("CHARGE", "CHARGE", day(posted), Decimal(90)),
    ]


def test_moments_of_change_are_kept_in_utc(days: Warehouse) -> None:
    found = days.query(
        "select source_system, modified_at from silver.cdm_transactions where transaction_id = 'month end'"
    )
    assert {str(name): str(moment) for name, moment in found} == {
        "new_york": "2026-11-01 02:30:00",
        "honolulu": "2026-11-01 08:30:00",
        "kolkata": "2026-10-31 20:00:00",
        "plain": "2026-10-31 22:30:00",
    }


def test_a_moment_of_service_is_a_day_of_the_hospital(days: Warehouse) -> None:
    found = days.query(
        "select source_system, transaction_id, service_date from silver.cdm_transactions"
        " where transaction_id in ('moment', 'expression', 'skipped') order by all"
    )
    assert found == [
        ("kolkata", "expression", day("2026-11-01")),
        ("kolkata", "moment", day("2026-11-01")),
        ("new_york", "moment", day("2026-10-31")),
        ("new_york", "skipped", day("2026-03-08")),
    ]


def test_the_second_01_10_is_read_and_current(days: Warehouse) -> None:
    assert days.query(
        "select charge_amount from silver.cdm_transactions where transaction_id = 'repeated'"
        " and source_system = 'new_york'"
    ) == [(Decimal(110),)]


def test_a_row_from_before_the_repeated_hours_end_stays_late(days: Warehouse) -> None:
    """02:20 is later than either 01:50, so that the row is superseded."""
    assert days.query(
        "select charge_amount from silver.cdm_transactions where transaction_id = 'repeated and late'"
    ) == [(Decimal(100),)]


def test_merged_patients_bring_no_new_money(days: Warehouse) -> None:
    months = days.query(
        """
        select
            sum(charge_amount), sum(insurance_payment_amount + patient_payment_amount), sum(reversal_amount),
            sum(closing_amount - opening_amount)
        from gold.fct_ar_rollforward_monthly inner join gold.dim_hospital using (hospital_key)
        where hospital_code = 'new_york' and month_key = 202611
        """
    )
    # The lines of the repeated hour are corrected in November, from 100 to 110.
    assert months == [(Decimal(110), Decimal(0), Decimal(-100), Decimal(10))]
    assert sorted((kind, str(amount)) for kind, _, _, amount in events(days, "new_york", "E-2")) == [
        ("CHARGE", "200.00"),
        ("PAYMENT_INSURANCE", "-50.00"),
        ("REPOSTING", "-50.00"),
        ("REPOSTING", "200.00"),
        ("REVERSAL", "-200.00"),
        ("REVERSAL", "50.00"),
    ]


def test_a_corrected_payer_moves_the_balance_without_new_money(days: Warehouse) -> None:
    found = days.query(
        """
        select payer_group, sum(charge_amount), sum(reversal_amount)
        from gold.fct_ar_rollforward_monthly inner join gold.dim_hospital using (hospital_key)
        where hospital_code = 'honolulu' and month_key = 202611 group by all order by all
        """
    )
    assert found == [("Commercial", Decimal(0), Decimal(-70)), ("Medicare", Decimal(0), Decimal(70))]


def test_charge_and_payment_are_known_alike_without_an_entry(days: Warehouse) -> None:
    known = days.query(
        """
        select transaction_id, count(distinct known_at), min(known_at)::varchar
        from gold.fct_ar_events inner join silver.cdm_transactions using (transaction_key)
        where source_system = 'plain' and transaction_id in ('no entry') group by all
        """
    )
    assert known == [("no entry", 1, "2026-02-03 08:00:00")]
    printed = json.loads(days.run("rcm", "ar", "--as-of", "2026-01-31", "--json"))
    (plain,) = [entry for entry in printed["receivables"] if entry["hospital_code"] == "plain"]
    assert Decimal(plain["known_then"]) == 0


def test_what_is_owed_as_of_a_day_follows_the_clocks_of_the_hospital(days: Warehouse) -> None:
    """The line of 23:00 in Honolulu, 09:00 UTC of the next day, is known on October 31."""
    printed = json.loads(days.run("rcm", "ar", "--as-of", "2026-10-31", "--json"))
    known = {entry["hospital_code"]: Decimal(entry["known_then"]) for entry in printed["receivables"]}
    assert known["honolulu"] == 90 + 100 + 70
    # In New York the change of the repeated hour is of November.
    assert known["new_york"] == 90 + 100 + 100 + 100 + 100 + 300 + 150
    # In Kolkata both lines of the night are of November, and so is the correction.
    assert known["kolkata"] == 100


def test_a_code_is_judged_by_the_release_of_its_day(days: Warehouse) -> None:
    found = days.query(
        """
        select transaction_id, validity, is_billable
        from gold.fct_transactions
        inner join gold.dim_diagnosis using (diagnosis_key)
        inner join silver.cdm_transactions using (transaction_key)
        where transaction_id like '% of 20%' order by all
        """
    )
    assert found == [
        ("E11 of 2023", "in its release", False),
        ("G20 of 2021", "release not loaded", None),
        ("G20 of 2023", "in its release", True),
        ("G20 of 2023, October", "in its release", False),
        ("G20.A1 of 2023", "not in its release", False),
        ("G20.A1 of 2023, October", "in its release", True),
        ("Z99 of 2023", "Unknown", False),
    ]
    judged = days.query(
        "select rule_name, rows_checked, rows_failed, rows_unknown from silver.dq_references"
        " where column_name = 'diagnosis_code' and source_system = 'plain' order by all"
    )
    # G20.A1 of August and Z99.99 are not found, E11 and G20 of October are headings, and of 2021 nothing can be said.
    assert judged == [("diagnosis_code_not_found", 9, 2, 1), ("diagnosis_not_billable", 7, 2, 1)]


def test_hospitals_say_their_zone(days: Warehouse) -> None:
    found = days.query("select hospital_code, time_zone from gold.dim_hospital where hospital_key > '0'")
    assert {str(code): zone for code, zone in found} == {name: zone or "UTC" for name, zone in ZONES.items()}
