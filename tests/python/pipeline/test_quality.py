"""Data quality: quarantined rows have reasons, stop a build in bulk, and come back when they are fixed."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.lakehouses import SimulatedDays, Warehouse, with_project


@pytest.fixture
def warehouse(simulated_days: SimulatedDays, tmp_path: Path) -> Warehouse:
    """Two hospitals as the demonstration leaves them."""
    return simulated_days.copy(0, tmp_path / "lakehouse")


def at_hospital_a(warehouse: Warehouse, *statements: str) -> None:
    """Change hospital A's database."""
    with closing(sqlite3.connect(warehouse.lakehouse / "sources" / "hospital_a.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def in_warehouse(warehouse: Warehouse, *statements: str) -> None:
    """Change the warehouse itself."""
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        load_delta(connection)
        for statement in statements:
            connection.execute(statement)


def kept(warehouse: Warehouse) -> dict[str, str]:
    """What history and gold hold, but for the list of batches that gold was built from."""
    listed = "gold.fct_source_batches"
    rows = warehouse.content()
    return {name: rows[name] for name in rows if name.startswith(("history.", "gold.")) and name != listed}


def failures(warehouse: Warehouse) -> list[str]:
    """What the last build complained about."""
    lines: list[str] = json.loads((warehouse.lakehouse / "last_build.json").read_text())["failures"]
    return lines


# Hospital A loses the first names of most patients, and moves one patient whose row is fine.
LOSE_NAMES = (
    "create table names as select PatientID, FirstName from patients",
    "update patients set FirstName = null, ModifiedDate = '2025-01-02 08:00:00' where PatientID < 'HOSP1-000300'",
    "update patients set Address = '1 Elm Court, Salem, IN 46201', ModifiedDate = '2025-01-02 08:00:00'"
    " where PatientID = 'HOSP1-000350'",
)
FIND_NAMES = (
    "update patients set ModifiedDate = '2025-01-03 08:00:00',"
    " FirstName = (select names.FirstName from names where names.PatientID = patients.PatientID)"
    " where PatientID < 'HOSP1-000300'",
)
STATE_OF_THE_MOVED = (
    "select state from silver.cdm_patients where patient_id = 'HOSP1-000350' and source_system = 'hospital_a'"
)


def test_a_batch_held_back_in_bulk_waits_until_its_rows_are_corrected(warehouse: Warehouse) -> None:
    before = kept(warehouse)
    at_hospital_a(warehouse, *LOSE_NAMES)

    warehouse.run("rcm", "run", expect=1, tests=True)

    ((batch, rows, rate),) = warehouse.query(
        "select _batch_id, held_back_rows, held_back_rate from silver.dq_circuit_breaker where is_tripped"
    )
    (line,) = failures(warehouse)
    assert f"hospital_a.patients: batch {batch}: {rows} of " in line
    assert f"rejected or quarantined ({float(str(rate)) * 100:.1f} %, limit 20.0 %)" in line
    assert f'rcm accept {batch} --reason "..."' in line
    assert kept(warehouse) == before
    assert warehouse.query(
        "select distinct status, reasons like '%The first name is missing%' from silver.quarantine"
        f" where _batch_id = '{batch}'"
    ) == [("open", True)]

    at_hospital_a(warehouse, *FIND_NAMES)
    warehouse.run("rcm", "run", tests=True)

    assert warehouse.query("select count(*) from silver.dq_circuit_breaker where is_tripped") == [(0,)]
    assert warehouse.query(
        f"select distinct status, resolved_by, resolved_by_batch_id > '{batch}' from silver.quarantine"
        f" where _batch_id = '{batch}' and failed_rules = 'first_name_missing'"
    ) == [("resolved", "a later valid row", True)]
    assert warehouse.query(STATE_OF_THE_MOVED) == [("IN",)]


def test_a_batch_a_steward_accepted_no_longer_stops_the_build(warehouse: Warehouse, tmp_path: Path) -> None:
    at_hospital_a(warehouse, *LOSE_NAMES)
    warehouse.run("rcm", "run", expect=1, tests=True)
    assert warehouse.query(STATE_OF_THE_MOVED) != [("IN",)]
    ((batch,),) = warehouse.query("select _batch_id from silver.dq_circuit_breaker where is_tripped")

    accepting = with_project(
        warehouse,
        tmp_path / "project",
        (
            "models/bronze/hospital_a.yml",
            "            severity: {ssn_area",
            f"            quarantine: {{accepted: ['{batch}']}}\n            severity: {{ssn_area",
        ),
    )
    accepting.run("rcm", "run", tests=True)

    assert accepting.query(STATE_OF_THE_MOVED) == [("IN",)]
    assert accepting.query(
        f"select is_accepted, held_back_rate > limit_rate from silver.dq_circuit_breaker where _batch_id = '{batch}'"
    ) == [(True, True)]
    incremental = accepting.content()
    accepting.run("rcm", "replay")
    assert accepting.content() == incremental


def test_a_mended_map_brings_quarantined_rows_back(warehouse: Warehouse, tmp_path: Path) -> None:
    held = {
        key
        for (key,) in warehouse.query(
            "select record_key from silver.quarantine where failed_rules = 'claim_status_unknown'"
        )
    }
    of_others = "select * from silver.quarantine where failed_rules <> 'claim_status_unknown' order by all"
    others = warehouse.query(of_others)
    mended = with_project(
        warehouse,
        tmp_path / "project",
        ("models/silver/cdm/_cdm__models.yml", "PENDING: [pending,", "PENDING: [in limbo, pending,"),
    )

    assert "judging all rows again" in mended.run("rcm", "redrive")

    resolved = mended.query(
        "select record_key, status, resolved_by from silver.quarantine"
        " where failed_rules = 'claim_status_unknown' and resolved_by is not null"
    )
    # The other claims have no status at all.
    assert {tuple(how) for _, *how in resolved} == {("resolved", "a changed rule or map")}
    assert {key for key, *_ in resolved} < held
    for key, *_ in resolved:
        assert mended.query(f"select claim_status from gold.fct_claims where claim_key = '{key}'") == [("PENDING",)]
    assert mended.query(of_others) == others
    assert "judging" not in mended.run("rcm", "redrive")


def test_no_quality_table_holds_a_value_that_identifies_a_person(warehouse: Warehouse) -> None:
    tables = {
        str(name)
        for (name,) in warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'silver'"
            " and (table_name = 'quarantine' or starts_with(table_name, 'dq_'))"
        )
    }
    assert {"quarantine", "dq_quarantine_log", "dq_rule_results", "dq_circuit_breaker"} <= tables
    # What is long enough is looked for within texts as well.
    people = {"PatientID": True, "FirstName": False, "LastName": False, "SSN": True, "PhoneNumber": True, "DOB": False}
    for column, is_within in {**people, "Address": True}.items():
        values = f"select distinct {column}::varchar as v from bronze_hospital_a.patients where {column} is not null"
        for table in tables:
            cells = f"unpivot (select columns(*)::varchar from silver.{table}) on columns(*) into name c value cell"
            test = "contains(cell, v)" if is_within else "cell = v"
            found = warehouse.query(f"select c from ({cells}) inner join ({values}) on {test} limit 1")
            assert found == [], (table, column)


def test_a_rule_about_codes_keeps_to_its_code_system(warehouse: Warehouse, tmp_path: Path) -> None:
    ((cpt,),) = warehouse.query(
        "select count(*) from silver.stg_transactions where source_system = 'hospital_b'"
        " and row_status not in ('duplicate', 'rejected') and regexp_matches(procedure_code, '^[0-9]{4}[0-9FT]$')"
    )
    malformed = (
        "select sum(rows_failed)::bigint from silver.dq_rule_results where rule_name = 'procedure_code_malformed'"
        " and _source_table = '{}'"
    )
    ((before,),) = warehouse.query(malformed.format("hospital_b.transactions"))
    at_b = "models/bronze/hospital_b.yml"
    narrowed = with_project(
        warehouse,
        tmp_path / "project",
        (at_b, "            load:\n              object: transactions", _coded("HCPCS", "transactions")),
        (at_b, "            load:\n              object: encounters", _coded("SNOMED", "encounters")),
    )
    judged = ("stg_transactions", "stg_encounters", "dq_rules_by_table", "dq_rule_results")
    narrowed.run("dbt", "run", "--full-refresh", "--select", *judged)
    narrowed.run("dbt", "run", "--select", "dq_references")

    assert int(str(cpt)) > 0
    assert narrowed.query(malformed.format("hospital_b.transactions")) == [(int(str(before)) + int(str(cpt)),)]
    assert narrowed.query(malformed.format("hospital_b.encounters")) == [(None,)]
    assert narrowed.query(
        "select source_system from silver.dq_references where entity = 'encounters' and column_name = 'procedure_code'"
    ) == [("hospital_a",)]


def _coded(system: str, table: str) -> str:
    return f"            code_systems: {{procedure_code: {system}}}\n            load:\n              object: {table}"


def test_relations_find_what_contradicts_the_record_referred_to(warehouse: Warehouse) -> None:
    judged = "select entity, rule_name, rows_failed from silver.dq_references where source_system = 'hospital_a'"
    assert warehouse.query(f"{judged} and rule_name not like '%_not_found' and rows_failed > 0") == []
    claimed = "select transaction_id from silver.cdm_claims where source_system = 'hospital_a'"
    ((patient,),) = warehouse.query(
        "select patient_id from silver.cdm_transactions where source_system = 'hospital_a' and service_date is not null"
        " and patient_id in (select patient_id from silver.cdm_patients where source_system = 'hospital_a')"
        " group by all order by count(*) desc limit 1"
    )
    ((paid,),) = warehouse.query(
        "select transaction_id from silver.cdm_transactions where source_system = 'hospital_a'"
        f" and payment_source = 'insurance' and paid_date > service_date and transaction_id in ({claimed})"
        " order by 1 limit 1"
    )
    ((code, lines),) = warehouse.query(
        "select diagnosis_code, count(*) from silver.cdm_transactions inner join silver.cdm_diagnoses"
        " using (diagnosis_code) where cdm_transactions.source_system = 'hospital_a' group by all order by all limit 1"
    )
    of_patient = f"source_system = 'hospital_a' and patient_id = '{patient}'"
    born = "birth_date = date '2200-01-01'"
    in_warehouse(
        warehouse,
        f"update history.patients_history set {born} where {of_patient} and year(dbt_valid_to) = 9999",
        f"update history.diagnoses_history set is_billable = false where diagnosis_code = '{code}'",
        f"update history.transactions_history set paid_date = service_date where transaction_id = '{paid}'"
        " and source_system = 'hospital_a'",
        f"update history.claims_history set claim_date = service_date + 1 where transaction_id = '{paid}'"
        " and source_system = 'hospital_a'",
    )
    warehouse.run("dbt", "build", "--select", "dq_references")

    def count(entity: str, day: str) -> object:
        return warehouse.query(f"select count({day}) from silver.cdm_{entity} where {of_patient}")[0][0]

    assert sorted(warehouse.query(f"{judged} and rule_name not like '%_not_found' and rows_failed > 0")) == [
        ("claims", "paid_before_claim", 1),
        ("claims", "service_before_birth", count("claims", "service_date")),
        ("encounters", "service_before_birth", count("encounters", "encounter_date")),
        ("transactions", "diagnosis_not_billable", lines),
        ("transactions", "service_before_birth", count("transactions", "service_date")),
    ]


def test_quality_stays_plain_sql(warehouse: Warehouse) -> None:
    # In the form of every later build, which is the longer one: it says which batches were seen.
    warehouse.run("dbt", "compile", "--select", "silver.quality")
    compiled = sorted((warehouse.target / "compiled/rcm/models/silver/quality").glob("*.sql"))
    lines = {file.stem: len(file.read_text().splitlines()) for file in compiled}
    assert {"dq_staged_rows", "dq_rule_results", "dq_references", "quarantine"} <= set(lines)
    assert sum(lines.values()) < 1000, lines


def test_a_group_with_charge_lines_alone_builds(warehouse: Warehouse) -> None:
    (warehouse.lakehouse / "warehouse.duckdb").unlink()
    systems = {"models/bronze": {"hospital_a": ["transactions"], "hospital_b": ["transactions"]}}
    options = ("--vars", json.dumps({"systems": systems}), "--exclude-resource-type", "unit_test")
    warehouse.run("dbt", "build", "--select", "+silver.quality", *options)

    assert warehouse.query("select count(*) from silver.dq_references") == [(0,)]
    assert warehouse.query("select distinct entity from silver.dq_rule_results") == [("transactions",)]
    assert warehouse.query(
        "select distinct entity, bronze_rows > 0, current_rows > 0 from silver.dq_batch_reconciliation"
    ) == [("transactions", True, True)]


def test_orphans_beyond_their_limit_are_warned_about(warehouse: Warehouse) -> None:
    limit = "assert_references_fail_less_than_their_limit"
    assert "WARN=0" in warehouse.run("dbt", "build", "--select", "dq_references", tests=True)
    in_warehouse(warehouse, "delete from history.providers_history where source_system = 'hospital_a'")
    printed = warehouse.run("dbt", "build", "--select", "dq_references", tests=True)
    assert f"WARN 3 {limit}" in printed
    assert warehouse.query(
        "select distinct source_system, rule_name, rows_failed = rows_checked from silver.dq_references"
        " where is_over_limit"
    ) == [("hospital_a", "provider_id_not_found", True)]
