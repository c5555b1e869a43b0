from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from simulator import simulate

HOSPITALS = ("hospital_a", "hospital_b")
# Planted defects fall outside these dates.
SANE = "ServiceDate between '2023-07-01' and '2024-12-31' and (PaidDate is null or PaidDate < '2025-01-01')"


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The group in its default size."""
    lakehouse = tmp_path_factory.mktemp("default")
    simulate(lakehouse)
    return lakehouse


@pytest.fixture(params=HOSPITALS)
def database(request: pytest.FixtureRequest, group: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(group / f"sources/{request.param}.db")) as connection:
        yield connection


def number(database: sqlite3.Connection, sql: str) -> Any:  # noqa: ANN401  a value of any SQL type
    return database.execute(sql).fetchone()[0]


def test_headline_kpis_look_like_a_hospital(database: sqlite3.Connection) -> None:
    balance = number(database, f"select sum(Amount - coalesce(PaidAmount, 0)) from transactions where {SANE}")
    daily = number(database, f"select sum(Amount) / 92 from transactions where {SANE} and ServiceDate >= '2024-10-01'")
    old = number(
        database,
        f"""select sum(Amount - coalesce(PaidAmount, 0)) from transactions
            where {SANE} and julianday('2024-12-31') - julianday(ServiceDate) > 90""",
    )
    recent = number(
        database,
        f"""select sum(PaidAmount) / sum(Amount) from transactions
            where {SANE} and ServiceDate between '2024-09-01' and '2024-10-31'""",
    )
    assert 40 <= balance / daily <= 60
    assert 0.20 <= old / balance <= 0.35
    assert 0.80 <= recent <= 0.97


def test_denial_rates_stay_near_the_planted_ones(group: Path) -> None:
    key = json.loads((group / "sources/answer_key.json").read_text())
    for payers in key["payers"].values():
        denied = sum(p["denied"] for p in payers.values())
        adjudicated = sum(p["adjudicated"] for p in payers.values())
        assert 0.05 <= denied / adjudicated <= 0.12
        for payer in payers.values():
            assert abs(payer["denied"] / payer["adjudicated"] - payer["planted_denial_rate"]) < 0.03
            assert abs(payer["median_payment_lag_days"] - payer["planted_payment_lag_days"]) <= 3


def test_nobody_is_real(database: sqlite3.Connection) -> None:
    columns = [row[1] for row in database.execute("pragma table_info(patients)")]
    for ssn, phone, address in database.execute(f"select {columns[4]}, {columns[5]}, {columns[8]} from patients"):
        assert ssn.startswith("9")
        assert phone == "unlisted" or re.search(r"555.01\d\d", phone)
        assert re.fullmatch(r"\d+ [A-Za-z ]+, [A-Za-z]+, [A-Z]{2} \d{5}", address)
    assert all(npi.startswith("2") for (npi,) in database.execute("select NPI from providers"))


def test_both_hospitals_use_the_same_ids_for_other_people(group: Path) -> None:
    names = []
    for system, query in zip(
        HOSPITALS,
        (
            "select PatientID, FirstName || LastName || DOB from patients",
            "select ID, F_Name || L_Name || DOB from patients",
        ),
        strict=True,
    ):
        with closing(sqlite3.connect(group / f"sources/{system}.db")) as connection:
            names.append({key: name for key, name in connection.execute(query) if key and name})
    shared = names[0].keys() & names[1].keys()
    assert len(shared) > 1900
    assert sum(names[0][key] == names[1][key] for key in shared) < 5


def test_columns_are_the_tutorials(group: Path) -> None:
    expected = {
        "encounters": "EncounterID,PatientID,EncounterDate,EncounterType,ProviderID,DepartmentID,ProcedureCode,"
        "InsertedDate,ModifiedDate",
        "transactions": "TransactionID,EncounterID,PatientID,ProviderID,DeptID,VisitDate,ServiceDate,PaidDate,"
        "VisitType,Amount,AmountType,PaidAmount,ClaimID,PayorID,ProcedureCode,ICDCode,LineOfBusiness,MedicaidID,MedicareID,"
        "InsertDate,ModifiedDate",
        "providers": "ProviderID,FirstName,LastName,Specialization,DeptID,NPI",
        "departments": "DeptID,Name",
    }
    patients = {
        "hospital_a": "PatientID,FirstName,LastName,MiddleName,SSN,PhoneNumber,Gender,DOB,Address,ModifiedDate",
        "hospital_b": "ID,F_Name,L_Name,M_Name,SSN,PhoneNumber,Gender,DOB,Address,Updated_Date",
    }
    for system in HOSPITALS:
        with closing(sqlite3.connect(group / f"sources/{system}.db")) as connection:
            for table, names in {**expected, "patients": patients[system]}.items():
                assert ",".join(row[1] for row in connection.execute(f"pragma table_info({table})")) == names
    with (group / "landing/claims/hospital_a_claims_2024-12.csv").open() as file:
        assert ",".join(next(csv.reader(file))) == (
            "ClaimID,TransactionID,PatientID,EncounterID,ProviderID,DeptID,ServiceDate,ClaimDate,PayorID,ClaimAmount,"
            "PaidAmount,ClaimStatus,PayorType,Deductible,Coinsurance,Copay,InsertDate,ModifiedDate"
        )


def test_claims_agree_with_their_transactions(group: Path) -> None:
    with closing(sqlite3.connect(group / "sources/hospital_a.db")) as connection:
        lines = {
            row[0]: row[1:]
            for row in connection.execute(
                "select TransactionID, Amount, PaidAmount, PayorID, ClaimID from transactions"
            )
        }
    agreeing = total = 0
    for path in sorted((group / "landing/claims").glob("hospital_a_*.csv")):
        with path.open() as file:
            for claim in csv.DictReader(file):
                total += 1
                line = lines.get(claim["TransactionID"])
                agreeing += line is not None and (
                    (line[3], line[2]) == (claim["ClaimID"], claim["PayorID"])
                    and claim["ClaimAmount"] == f"{line[0] or 0:.2f}"
                    and float(claim["PaidAmount"]) <= (line[1] or 0) + 0.001
                )
    # The rest are planted.
    assert agreeing / total > 0.97


def test_leading_zeros_of_codes_survive(database: sqlite3.Connection) -> None:
    assert number(database, "select count(*) from transactions where ProcedureCode like '000__'") > 1000
