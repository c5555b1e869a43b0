"""What identifies a patient stays where docs/phi.md says: keyed hashes, the key, files of the owner alone."""

import hashlib
import hmac
import os
import stat

import duckdb
import pytest

from tests.python.pipeline.conftest import Warehouse

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
        warehouse.run("dbt", "--quiet", "build")
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
    assert "WARN=0" in built.run(*judged)
    other = Warehouse(built.lakehouse, {"RCM_PHI_KEY": KEY})
    assert "WARN=1" in other.run(*judged)


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
