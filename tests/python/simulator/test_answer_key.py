from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator import simulate
from tests.python.simulator.lakehouse_by_hand import KEYS, RULES, HandLakehouse

HOSPITALS = ("hospital_a", "hospital_b")
ENTITIES = ("departments", "providers", "patients", "encounters", "transactions", "adjustments", "claims")
REFERENCES = {
    "providers": {"DeptID": "departments"},
    "encounters": {"PatientID": "patients", "ProviderID": "providers", "DepartmentID": "departments"},
    "transactions": {
        "EncounterID": "encounters",
        "PatientID": "patients",
        "ProviderID": "providers",
        "DeptID": "departments",
    },
    "claims": {
        "TransactionID": "transactions",
        "EncounterID": "encounters",
        "PatientID": "patients",
        "ProviderID": "providers",
        "DeptID": "departments",
    },
    "adjustments": {
        "TransactionID": "transactions",
        "EncounterID": "encounters",
        "PatientID": "patients",
        "ProviderID": "providers",
        "DeptID": "departments",
        "ClaimID": "claims",
    },
}


def entities(key: Mapping[str, Any]) -> list[str]:
    """Those of the hospitals: without the feed there are no adjustments."""
    return [entity for entity in ENTITIES if entity in key["rows"]]


def judged(lakehouse: HandLakehouse, key: Mapping[str, Any]) -> HandLakehouse:
    for system in HOSPITALS:
        for entity in entities(key):
            lakehouse.judge(system, entity)
    lakehouse.judge("cpt", "procedures")
    return lakehouse


@pytest.fixture(
    scope="module",
    params=[(200, 1, 0, False), (200, 1, 9, False), (600, 5, 4, False), (200, 1, 9, True)],
    ids=lambda p: f"{p[0]}-day{p[2]}{'-remittance' * p[3]}",
)
def recounted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[HandLakehouse, dict[str, Any]]:
    """Sources ingested after each day, with the answer key of the last."""
    patients, seed, last, remittance = request.param
    root = tmp_path_factory.mktemp("group")
    lakehouse = HandLakehouse(root)
    for day in range(last + 1):
        simulate(root, patients=patients, seed=seed, day=day, remittance=remittance)
        lakehouse.ingest()
    key = json.loads((root / "sources/answer_key.json").read_text())
    return judged(lakehouse, key), key


Recounted = tuple[HandLakehouse, Mapping[str, Any]]


def test_row_counts(recounted: Recounted) -> None:
    lakehouse, key = recounted
    for entity in entities(key):
        for system in HOSPITALS:
            assert lakehouse.counts(system, entity) == key["rows"][entity][system], (entity, system)
    assert lakehouse.counts("cpt", "procedures") == key["rows"]["procedures"]["cpt"]


def test_every_bronze_row_is_accounted_for_once(recounted: Recounted) -> None:
    _, key = recounted
    for systems in key["rows"].values():
        for counts in systems.values():
            parts = ("exact_duplicates", "rejected", "quarantined", "superseded", "current_valid")
            assert counts["bronze"] == sum(counts[part] for part in parts)
            assert min(counts.values()) >= 0


def test_failures_per_rule(recounted: Recounted) -> None:
    lakehouse, key = recounted
    for entity in entities(key):
        for system in HOSPITALS:
            assert lakehouse.failures(system, entity) == key["defects"][entity][system], (entity, system)
    assert lakehouse.failures("cpt", "procedures") == key["defects"]["procedures"]["cpt"]


def test_every_rule_of_the_contract_has_defects(recounted: Recounted) -> None:
    _, key = recounted
    for entity in entities(key):
        for system in HOSPITALS:
            found = key["defects"][entity][system]
            assert set(found) == {*RULES[entity], "key_missing", "key_repeated_in_batch"}, entity
            assert min(found.values()) >= 1
    assert key["defects"]["npi"] == {"npi_registry": {"npi_invalid": 1}}
    assert key["defects"]["diagnoses"] == {"icd": {"diagnosis_code_malformed": 1}}


def test_a_row_fails_at_most_one_rule(recounted: Recounted) -> None:
    lakehouse, key = recounted
    for entity in entities(key):
        for system in HOSPITALS:
            worst = lakehouse.db.execute(f"select max(len(failed)) from {system}_{entity}_judged").fetchone()
            assert worst == (1,), (entity, system)


def test_orphans(recounted: Recounted) -> None:
    lakehouse, key = recounted
    procedures = "select procedure_code from cpt_procedures_current"
    for system in HOSPITALS:
        for entity in key["orphans"]:
            columns = REFERENCES[entity]
            expected = key["orphans"][entity][system]
            for column, parent in columns.items():
                rule = f"{parent.removesuffix('s')}_id_not_found"
                parents = f"select {KEYS[parent]} from {system}_{parent}_current"
                count = lakehouse.orphans(f"{system}_{entity}_current", column, parents)
                assert count == expected[rule]["count"], (system, entity, rule)
                assert count >= expected[rule]["planted"] >= 1
        for entity in ("encounters", "transactions"):
            count = lakehouse.orphans(f"{system}_{entity}_current", "ProcedureCode", procedures)
            assert count == key["orphans"][entity][system]["procedure_code_not_found"]["count"]
        count = lakehouse.orphans(f"{system}_transactions_current", "ICDCode", "select code from icd_codes")
        assert count == key["orphans"]["transactions"][system]["diagnosis_code_not_found"]["count"]


@pytest.fixture(autouse=True)
def _icd_codes(recounted: Recounted, day_zero: Path) -> None:
    """The categories that the ICD API serves, equal in every world."""
    nodes = json.loads((day_zero / "sources/registry.json").read_text())["icd"]
    codes = [(n["code"],) for n in nodes if n["class_kind"] == "category" and n["code"] != "E11.99999"]
    recounted[0].db.execute("create or replace table icd_codes (code varchar)")
    recounted[0].db.executemany("insert into icd_codes values (?)", codes)


def test_ledger(recounted: Recounted) -> None:
    lakehouse, key = recounted
    for system in HOSPITALS:
        expected = key["ledger"][system]
        charge, paid = "coalesce(Amount::decimal(18,2), 0)", "coalesce(PaidAmount::decimal(18,2), 0)"
        patient = "AmountType in ('Co-pay', 'Self-pay')"
        totals = lakehouse.db.execute(f"""
            select sum({charge}), sum({paid}) filter (where not {patient}), sum({paid}) filter (where {patient})
            from {system}_transactions_current""").fetchone()
        assert totals == tuple(
            Decimal(expected[name]) for name in ("charges", "payments_insurance", "payments_patient")
        )
        # Every movement of a balance, in its date.
        adjusted = ""
        if "adjustments" in key["rows"]:
            adjusted = f"""
                union all
                select PostDate, case lower(AdjustmentType) when 'refund' then 1 else -1 end * Amount::decimal(18,2)
                from {system}_adjustments_current
                where lower(AdjustmentType) not in ('transfer', 'denial', 'denied')"""
        lakehouse.db.execute(f"""
            create or replace temp table moves as
            select ServiceDate as day, {charge} as moved from {system}_transactions_current
            union all
            -- A payment on a day that is yet to come counts from the day on which it became known.
            select
                case when PaidDate::date < date '2100-01-01' then PaidDate::date else ModifiedDate::date end,
                -{paid}
            from {system}_transactions_current
            {adjusted}""")
        assert lakehouse.db.execute("select sum(moved) from moves").fetchone() == (Decimal(expected["ar"]),)
        for month_end, balance in expected["ar_month_end"].items():
            row = lakehouse.db.execute(f"select sum(moved) from moves where day <= '{month_end}'").fetchone()
            assert row == (Decimal(balance),), month_end


def test_adjustments_by_kind(recounted: Recounted) -> None:
    lakehouse, key = recounted
    for system in HOSPITALS if "adjustments" in key["rows"] else ():
        expected = key["ledger"][system]
        found = dict(
            lakehouse.db.execute(f"""
                select case
                    when word in ('contractual', 'contractual adjustment') then 'ADJ_CONTRACTUAL'
                    when word in ('charity', 'financial assistance') then 'ADJ_CHARITY'
                    when word in ('uninsured discount', 'self-pay discount') then 'ADJ_UNINSURED_DISCOUNT'
                    when word like 'denial write%' then 'ADJ_DENIAL'
                    when word like 'bad debt%' then 'ADJ_BAD_DEBT'
                    when word like 'small balance%' then 'ADJ_SMALL_BALANCE'
                    when word in ('other', 'administrative') then 'ADJ_OTHER'
                    else word end as kind, sum(Amount::decimal(18,2))
                from (select *, lower(AdjustmentType) as word from {system}_adjustments_current) group by 1
            """).fetchall()
        )
        denied = sum(
            Decimal(reason["amount"]) for payer in key["denial_reasons"][system].values() for reason in payer.values()
        )
        assert found == {
            **{kind: Decimal(amount) for kind, amount in expected["adjustments"].items()},
            "refund": Decimal(expected["refunds"]),
            "transfer": Decimal(expected["transfers"]),
            "denied" if system == "hospital_b" else "denial": denied,
        }


def test_payers(recounted: Recounted) -> None:
    lakehouse, key = recounted
    for system in HOSPITALS:
        rows = lakehouse.db.execute(f"""
            select PayorID, count(*) filter (where upper(ClaimStatus) = 'DENIED'),
                count(*) filter (where upper(ClaimStatus) in ('DENIED', 'PAID', 'PARTIAL')),
                count(*) filter (where upper(ClaimStatus) = 'PENDING')
            from {system}_claims_current group by 1""").fetchall()
        expected = {p: (v["denied"], v["adjudicated"], v["pending"]) for p, v in key["payers"][system].items()}
        assert {payer: tuple(counts) for payer, *counts in rows} == expected


def test_days_bring_what_they_promise(recounted: Recounted) -> None:
    lakehouse, key = recounted
    day = key["parameters"]["day"]
    assert lakehouse.resent == ([item["as"].removeprefix("claims/") for item in key["resent_files"]])
    if day == 0:
        assert key["late_files"] == []
        return
    assert {item["file"] for item in key["late_files"]} >= {"claims/hospital_a_claims_2025-01-01.csv"}
    for system in HOSPITALS:
        one = lakehouse.db.execute
        # A row that became visible a day late, with the timestamp of the day it was written.
        late = one(f"""select count(*) from {system}_transactions where batch > 1 and ModifiedDate::date <= '2024-12-31'
            """).fetchone()
        assert late is not None
        assert late[0] >= 1
        # An older version of a claim that arrives after the newer one.
        older = one(f"""select count(*) from {system}_claims as old join {system}_claims as new using (ClaimID)
            where old.batch > new.batch and old.ModifiedDate < new.ModifiedDate""").fetchone()
        assert older is not None
        assert older[0] >= 1
        assert key["rows"]["departments"][system]["current_valid"] == 19
        # Voided charges, touched rows, patients that lost and found their name.
        voided = one(f"""select count(*) from {system}_transactions_current where Amount::double = 0
            and PaidAmount::double = 0 and PaidDate is null and batch > 1""").fetchone()
        assert voided is not None
        assert voided[0] >= 1
        counts = key["rows"]["patients"][system]
        assert counts["quarantined"] == counts["quarantined_open"] + 1
