"""Identifiers of patients stay where docs/phi.md says: keyed hashes, the key, files readable by their owner only."""

import hashlib
import hmac
import os
import re
import shutil
import sqlite3
import stat
from collections import defaultdict
from contextlib import closing

import duckdb
import numpy as np
import pytest

from tests.python.lakehouses import PROJECT, Warehouse

KEY = "another key of the tests, protecting nothing"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A lakehouse made under a careless umask, by ``rcm`` first, then by a plain ``dbt build``; it has its own key."""
    warehouse = Warehouse(tmp_path_factory.mktemp("phi") / "lakehouse", {"RCM_PHI_KEY": ""})
    careless = os.umask(0o022)
    try:
        warehouse.lakehouse.mkdir()
        warehouse.run("rcm", "simulate", "--patients", "100")
        warehouse.run("rcm", "ingest")
        warehouse.run("dbt", "--quiet", "build", tests=True)
        warehouse.run("dbt", "--quiet", "docs", "generate")
    finally:
        os.umask(careless)
    return warehouse


def test_the_keyed_hash_of_a_number_is_the_one_python_makes(built: Warehouse) -> None:
    key = (built.lakehouse / "phi.key").read_text().strip().encode()
    pairs = built.query(
        """
        select numbers.ssn, patients.ssn_hmac from silver.cdm_patients as patients inner join (
            select 'hospital_a' as source_system, "PatientID" as patient_id, "SSN" as ssn, _batch_id, _row_number
            from bronze_hospital_a.patients
            union all
            select 'hospital_b', "ID", "SSN", _batch_id, _row_number from bronze_hospital_b.patients
        ) as numbers using (source_system, patient_id, _batch_id, _row_number)
        """
    )
    assert len(pairs) > 150
    for number, hashed in pairs:
        digits = str(number).replace("-", "")
        expected = hmac.new(key, digits.encode(), hashlib.sha256).hexdigest() if len(digits) == 9 else None
        assert hashed == expected


def test_the_key_is_in_its_file_and_nowhere_else(built: Warehouse) -> None:
    kept = built.lakehouse / "phi.key"
    key = kept.read_text().strip()
    block = key.encode().ljust(64, b"\0")
    forms = [key.encode()]
    for pad in (0x36, 0x5C):
        half = bytes(byte ^ pad for byte in block)
        forms += [half, half.hex().encode(), half.hex().upper().encode()]
    files = [path for folder in (built.lakehouse, built.target) for path in folder.rglob("*") if path.is_file()]
    found = [path for path in files if path != kept and any(form in path.read_bytes() for form in forms)]
    assert len(files) > 100
    assert not found


def test_a_session_without_the_key_gets_no_hash(built: Warehouse) -> None:
    [compiled] = built.target.rglob("compiled/**/assert_keyed_hash_ignores_spelling.sql")
    with duckdb.connect() as connection, pytest.raises(duckdb.InvalidInputException, match="RCM_PHI_KEY"):
        connection.execute(compiled.read_text())


def test_another_key_is_noticed(built: Warehouse) -> None:
    judged = ("dbt", "build", "--select", "assert_staged_rows_follow_their_declarations")
    assert "WARN=0" in built.run(*judged, tests=True)
    other = Warehouse(built.lakehouse, {"RCM_PHI_KEY": KEY})
    assert "WARN=1" in other.run(*judged, tests=True)


@pytest.mark.parametrize(
    ("key", "said"),
    [("too short", "RCM_PHI_KEY is shorter than 32 characters"), ("secret://absent", "set RCM_SECRET_ABSENT")],
)
def test_a_key_that_cannot_serve_stops_the_build_in_words(built: Warehouse, key: str, said: str) -> None:
    printed = Warehouse(built.lakehouse, {"RCM_PHI_KEY": key}).run("dbt", "build", "--select", "stg_patients", expect=2)
    assert said in printed
    assert "Traceback" not in printed


def test_what_a_plain_dbt_build_leaves_is_its_owners_alone(built: Warehouse) -> None:
    roots = [built.lakehouse, built.target, built.lakehouse / "logs"]
    files = [path for path in built.lakehouse.rglob("*") if path.is_file()]
    assert built.lakehouse / "warehouse.duckdb" in files
    assert not [path for path in (*roots, *files) if stat.S_IMODE(path.stat().st_mode) & 0o077]


_PATIENT_COLUMNS = {
    "hospital_a": "PatientID, FirstName, LastName, SSN, PhoneNumber, Address",
    "hospital_b": "ID, F_Name, L_Name, SSN, PhoneNumber, Address",
}


def of_patients(warehouse: Warehouse) -> dict[str, set[str]]:
    """What identifies the simulated patients, as the sources write it, by kind."""
    found: dict[str, set[str]] = defaultdict(set)
    for system, columns in _PATIENT_COLUMNS.items():
        with closing(sqlite3.connect(warehouse.lakehouse / "sources" / f"{system}.db")) as source:
            for number, first, last, ssn, phone, address in source.execute(f"select {columns} from patients"):
                found["record number"].add(number)
                found["name"] |= {f"{first} {last}", f"{last}, {first}"}
                found["ssn"] |= {ssn, ssn.replace("-", "")}
                found["phone"].add(phone)
                found["address"].add(address.split(",")[0])
            members = "select MedicaidID from transactions union select MedicareID from transactions"
            found["member id"] |= {member for (member,) in source.execute(members)}
            found["account number"] |= {account for (account,) in source.execute("select EncounterID from encounters")}
    for system in _PATIENT_COLUMNS:
        with closing(sqlite3.connect(warehouse.lakehouse / "sources" / f"{system}.db")) as source:
            # Providers are called so, too, and gold names them.
            found["name"] -= {f"{a} {b}" for a, b in source.execute("select FirstName, LastName from providers")}
    return {kind: {value for value in values if value and len(value) >= 8} for kind, values in found.items()}


def seen(values: dict[str, set[str]], text: str) -> dict[str, list[str]]:
    """Which of the values a text holds, by kind; only those are looked for whose first eight bytes occur at all."""
    data = text.encode()
    beginnings = np.array([_beginning(value) for known in values.values() for value in known], dtype="<u8")
    present: set[int] = set()
    for offset in range(min(8, len(data) - 8)):
        words = np.frombuffer(data, "<u8", (len(data) - offset) // 8, offset)
        present |= set(words[np.isin(words, beginnings)].tolist())
    found = {
        kind: [value for value in known if _beginning(value) in present and value in text]
        for kind, known in values.items()
    }
    return {kind: held for kind, held in found.items() if held}


def _beginning(value: str) -> int:
    return int.from_bytes(value.encode()[:8], "little")


def dumped(warehouse: Warehouse, *relations: str) -> str:
    """Every row of tables and views, named as in SQL's like, as text."""
    names = warehouse.query(
        "select table_schema || '.' || table_name from information_schema.tables where "
        + " or ".join(f"table_schema || '.' || table_name like '{name}'" for name in relations)
    )
    assert len(names) >= len(relations)
    return "\n".join(str(row) for (name,) in names for row in warehouse.query(f"select t::varchar from {name} as t"))


def test_the_search_finds_what_is_there(built: Warehouse) -> None:
    values = of_patients(built)
    assert all(len(known) > 20 for known in values.values())
    held = seen(values, dumped(built, "silver.cdm_%", "bronze_hospital__.patients", "bronze_hospital__.transactions"))
    # Names are in columns of their own.
    assert set(held) == set(values) - {"name"}


def test_no_table_free_of_patients_holds_what_identifies_one(built: Warehouse) -> None:
    text = dumped(built, "gold.%", "silver_deid.%", "silver.quarantine", "silver.dq%", "audit.%")
    assert len(text) > 100_000
    assert seen(of_patients(built), text) == {}


def test_no_clear_social_security_number_is_left_behind_bronze(built: Warehouse) -> None:
    values = {kind: known for kind, known in of_patients(built).items() if kind in ("ssn", "member id")}
    assert seen(values, dumped(built, "silver.%", "history.%", "gold.%", "deid_keys.%")) == {}


def test_no_log_page_or_artifact_holds_what_identifies_a_patient(built: Warehouse) -> None:
    built.run("rcm", "status", "--json")
    data = {"bronze", "landing", "sources"}
    files = [
        path
        for folder in (built.lakehouse, built.target, PROJECT / "logs")
        for path in folder.rglob("*")
        if path.is_file() and not data & set(path.relative_to(folder).parts) and "warehouse.duckdb" not in path.name
    ]
    names = {path.name for path in files}
    assert {"dbt.log", "rcm.jsonl", "manifest.json", "catalog.json", "run_results.json", "index.html"} <= names
    values = of_patients(built)
    found = {path: held for path in files if (held := seen(values, path.read_bytes().decode(errors="replace")))}
    assert found == {}


def test_what_the_engine_says_of_a_bad_value_does_not_quote_it(built: Warehouse) -> None:
    [(name,)] = built.query("select min(first_name) from silver.cdm_patients")
    said = built.run(
        "dbt", "show", "--inline", "select cast(min(first_name) as integer) from silver.cdm_patients", expect=2
    )
    log = (built.lakehouse / "logs" / "dbt.log").read_text()
    assert "Could not convert string '...' to INT" in said
    assert "Could not convert string '...' to INT" in log
    assert f"string '{name}'" not in said + log


def test_ids_of_silver_deid_last_over_a_rebuild_and_are_computed_from_nothing(built: Warehouse) -> None:
    ids = "select entity, record_key, surrogate_id from deid_keys.deid_crosswalk order by all"
    before = built.query(ids)
    assert len({surrogate for _, _, surrogate in before}) == len(before) > 500
    built.run("dbt", "--quiet", "run", "--full-refresh", "--select", "path:models/silver/deid")
    assert built.query(ids) == before
    again = Warehouse(built.lakehouse.with_name("again"), {"RCM_PHI_KEY": KEY})
    shutil.copytree(built.lakehouse, again.lakehouse, ignore=shutil.ignore_patterns("warehouse*", "logs"))
    again.run("dbt", "--quiet", "build", "--select", "+path:models/silver/deid")
    others = again.query(ids)
    assert [row[:2] for row in others] == [row[:2] for row in before]
    assert not {row[2] for row in others} & {row[2] for row in before}


@pytest.mark.parametrize("kind", ["patient", "encounter", "transaction", "claim"])
def test_the_place_of_a_row_in_silver_deid_tells_nothing_of_its_number(built: Warehouse, kind: str) -> None:
    """Who has the list of numbers in order must not find a record by its place: as many by chance as by place."""
    ids = [str(row[0]) for row in built.query(f"select {kind}_surrogate_id from silver_deid.deid_{kind}s")]
    assert ids == sorted(ids)
    assert len(ids) > 50
    numbers = {
        str(key): str(number)
        for key, number in built.query(f"select {kind}_key, source_system || {kind}_id from silver.cdm_{kind}s")
    }
    crosswalk = built.query("select surrogate_id, record_key from deid_keys.deid_crosswalk")
    keys = {str(surrogate): str(key) for surrogate, key in crosswalk}
    in_order = [numbers[keys[identifier]] for identifier in ids]
    guessed = sum(found == guess for found, guess in zip(in_order, sorted(in_order), strict=True))
    # Of any random order one place is right on average, more than ten once in 10 million tries.
    assert guessed <= 10


def test_gold_shows_no_remark_in_a_kind_or_a_code(built: Warehouse) -> None:
    """What a typist may write where a kind of visit or a reason code belongs."""
    kinds = {str(kind) for (kind,) in built.query("select distinct encounter_type from gold.fct_encounters")}
    kinds |= {str(kind) for (kind,) in built.query("select distinct visit_type from gold.fct_transactions")}
    assert len(kinds) > 5
    with closing(sqlite3.connect(built.lakehouse / "sources" / "hospital_a.db")) as source, source:
        source.execute("update encounters set EncounterType = 'spoke to Ann Lee', ModifiedDate = '2026-01-02 00:00:00'")
        source.execute("update transactions set VisitType = 'spoke to Ann Lee', ModifiedDate = '2026-01-02 00:00:00'")
    built.run("rcm", "ingest", "--source", "hospital_a")
    built.run("dbt", "--quiet", "build")
    text = dumped(built, "gold.%", "silver_deid.%")
    assert "ann lee" not in text.lower()
    assert built.query("select count(*) from gold.fct_encounters where encounter_type = 'Other'") > [(50,)]
    assert built.query("select count(*) from gold.fct_transactions where visit_type = 'Other'") > [(50,)]


def test_silver_deid_holds_no_date_no_hash_and_no_year_of_the_very_old(built: Warehouse) -> None:
    columns = built.query(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'silver_deid'"
    )
    assert {table for table, _, _ in columns} == {
        "deid_patients",
        "deid_encounters",
        "deid_transactions",
        "deid_claims",
    }
    assert {str(data_type) for _, _, data_type in columns} <= {"VARCHAR", "BIGINT", "DECIMAL(18,2)"}
    text = dumped(built, "silver_deid.%")
    assert not re.search(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{64}\b", text)
    [(oldest, this_year)] = built.query("select min(birth_year), year(current_date) from silver_deid.deid_patients")
    assert int(str(this_year)) - int(str(oldest)) < 90
