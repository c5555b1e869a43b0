"""A lakehouse in plain SQL: reads the simulated sources day by day, independently of the simulator's code.

It stands for what ingestion and the models must do: watermarks with an overlap, full loads that commit only changes,
files once per content, rules per row, the newest valid version per key.
"""

from __future__ import annotations

import csv
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from tests.python.lakehouses import PROJECT

STAGING = PROJECT / "models/silver/staging/_staging__models.yml"
KEY_REPEATED = "key_repeated_in_batch"
FULL = ("providers", "departments", "procedures")
KEYS = {
    "patients": "PatientID",
    "providers": "ProviderID",
    "departments": "DeptID",
    "encounters": "EncounterID",
    "transactions": "TransactionID",
    "adjustments": "AdjustmentID",
    "claims": "ClaimID",
    "procedures": "procedure_code",
}
# Hospital B's patients are read under hospital A's names.
_NAMES = ("PatientID", "FirstName", "LastName", "MiddleName", "SSN", "PhoneNumber", "Gender", "DOB")
PATIENT_COLUMNS = (*_NAMES, "Address", "ModifiedDate")
CODE_SHAPE = "^([0-9]{5}|[0-9]{4}[FT]|[A-V][0-9]{4})$"
ICD_SHAPE = "^[A-Z][0-9A-Z][0-9A-Z]([.]?[0-9A-Z]{1,4})?$"
LOADED = "date '2026-01-01'"


def bad_date(column: str) -> str:
    return f"{column} is null or try_cast({column} as date) not between date '1900-01-01' and {LOADED}"


# Rule -> is this row bad? NULL answers mean no.
RULES: Mapping[str, Mapping[str, str]] = {
    "patients": {
        "first_name_missing": "FirstName is null or upper(trim(FirstName)) in ('NULL', '')",
        "birth_date_implausible": "DOB is null or DOB::date > date '2025-12-31' or DOB::date < date '1905-01-01'",
        "sex_not_mapped": "upper(Gender) not in ('MALE', 'FEMALE', 'M', 'F', 'U', 'UNKNOWN')",
        "ssn_malformed": "not regexp_matches(SSN, '^[0-9]{3}-[0-9]{2}-[0-9]{4}$')",
        "phone_malformed": "len(regexp_replace(PhoneNumber, '[^0-9]', '', 'g')) < 10",
    },
    "providers": {
        "npi_invalid": """not regexp_matches(NPI, '^[12][0-9]{9}$') or (24 + list_sum(list_transform(range(1, 11),
            lambda i: case when i % 2 = 0 then NPI[i]::int
                      else 2 * NPI[i]::int - 9 * (NPI[i]::int > 4)::int end))) % 10 <> 0"""
    },
    "departments": {"department_name_missing": "Name is null"},
    "encounters": {
        "encounter_date_out_of_range": bad_date("EncounterDate"),
        "procedure_code_malformed": f"not regexp_matches(ProcedureCode, '{CODE_SHAPE}')",
        "modified_before_inserted": "ModifiedDate::timestamp < InsertedDate::timestamp",
    },
    "transactions": {
        "charge_not_positive": "Amount is null or Amount::decimal(18,2) <= 0",
        "paid_negative": "PaidAmount::decimal(18,2) < 0",
        "paid_above_charge": "PaidAmount::decimal(18,2) > Amount::decimal(18,2)",
        "service_date_out_of_range": bad_date("ServiceDate"),
        "paid_date_out_of_range": f"PaidDate is not null and ({bad_date('PaidDate')})",
        "paid_before_service": "PaidDate < ServiceDate",
        "diagnosis_code_malformed": f"not regexp_matches(ICDCode, '{ICD_SHAPE}')",
        "procedure_code_malformed": f"not regexp_matches(ProcedureCode, '{CODE_SHAPE}')",
        "modified_before_inserted": "ModifiedDate::timestamp < InsertDate::timestamp",
    },
    "adjustments": {
        "adjustment_type_unknown": "AdjustmentType is null or AdjustmentType = 'Gremlins'",
        "adjustment_amount_missing": "Amount is null",
        "post_date_out_of_range": bad_date("PostDate"),
        "transfer_without_target": "lower(AdjustmentType) = 'transfer' and (ToLineOfBusiness is null "
        "or ToLineOfBusiness = LineOfBusiness)",
        "denial_without_reason": "lower(AdjustmentType) in ('denial', 'denied') and ReasonCode is null",
    },
    "claims": {
        "value_unparseable": " or ".join(
            f"({c} is not null and try_cast({c} as {kind}) is null)"
            for c, kind in [
                *((c, "decimal(18,2)") for c in ("ClaimAmount", "PaidAmount", "Deductible", "Coinsurance", "Copay")),
                *((c, "timestamp") for c in ("ServiceDate", "ClaimDate", "InsertDate", "ModifiedDate")),
            ]
        ),
        "claim_status_unknown": "ClaimStatus is null or upper(ClaimStatus) not in ('PENDING', 'PAID', 'PARTIAL', "
        "'DENIED')",
        "service_date_out_of_range": bad_date("ServiceDate"),
        "claim_date_out_of_range": bad_date("ClaimDate"),
        "claim_before_service": "ClaimDate < ServiceDate",
        "claim_amount_not_positive": "ClaimAmount is null or try_cast(ClaimAmount as decimal(18,2)) <= 0",
        "claim_paid_above_charge": "PaidAmount::decimal(18,2) > try_cast(ClaimAmount as decimal(18,2))",
        "claim_parts_above_charge": """PaidAmount::decimal(18,2) <= try_cast(ClaimAmount as decimal(18,2))
            and PaidAmount::decimal(18,2) + Deductible::decimal(18,2) + Coinsurance::decimal(18,2)
              + Copay::decimal(18,2) > try_cast(ClaimAmount as decimal(18,2))""",
        "denied_with_payment": "upper(ClaimStatus) = 'DENIED' and PaidAmount::decimal(18,2) <> 0",
    },
    "procedures": {
        "procedure_code_malformed": f"not regexp_matches(procedure_code, '{CODE_SHAPE}')",
        "description_missing": "description is null",
    },
}


def rules_of(entity: str, severity: str) -> list[str]:
    """Names of an entity's rules that its staging model declares with a severity."""
    models = {model["name"]: model for model in yaml.safe_load(STAGING.read_text())["models"]}
    rules = models[f"stg_{entity}"]["config"]["meta"].get("rules", [])
    return [rule["name"] for rule in rules if rule["severity"] == severity]


class HandLakehouse:
    """Bronze as DuckDB tables of text: one per system and entity, with the batch and the row's place in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen_files: set[str] = set()
        self._batch = 0
        self.resent: list[str] = []
        self.db = duckdb.connect()

    def ingest(self) -> None:
        """Read everything that is new in the sources, as a nightly run would."""
        self._batch += 1
        for system in ("hospital_a", "hospital_b"):
            with sqlite3.connect(self._root / f"sources/{system}.db") as source:
                for entity in ("patients", "providers", "departments", "encounters", "transactions", "adjustments"):
                    self._ingest_table(source, system, entity)
            source.close()
        for path in sorted((self._root / "landing").rglob("*.csv"), key=lambda p: p.name):
            self._ingest_file(path)

    def _ingest_table(self, source: sqlite3.Connection, system: str, entity: str) -> None:
        cursor = source.execute(f"select * from {entity}")
        names = [item[0] for item in cursor.description]
        if entity == "patients":
            names = list(PATIENT_COLUMNS)
        rows = cursor.fetchall()
        if rows:  # a table without a row makes no batch
            self._append(system, entity, names, rows)

    def _ingest_file(self, path: Path) -> None:
        content = path.read_bytes()
        path.unlink()
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._seen_files:
            self.resent.append(path.name)
            return
        self._seen_files.add(digest)
        names, *rows = list(csv.reader(content.decode().splitlines()))
        system = path.name[:10] if "claims" in path.name else "cpt"
        self._batch += 1
        self._append(system, path.parent.name if system != "cpt" else "procedures", names, rows)

    def _append(self, system: str, entity: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        texts = [[None if value in (None, "") else str(value) for value in row] for row in rows]
        columns = zip(*texts, strict=True)
        incoming = pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)})
        self.db.register("incoming", incoming)
        bronze, listed = f"{system}_{entity}", ", ".join(f'"{n}"' for n in names)
        row = f"md5(concat_ws('|', {', '.join(f'coalesce({n}, chr(0))' for n in names)}))"
        self.db.execute(
            f"create table if not exists {bronze} as select 0 as batch, 0 as place, '' as hash, * from incoming limit 0"
        )
        self.db.execute(
            f"create or replace temp table arrived as select {row} as hash, *, rowid as place from "
            "(select *, row_number() over () as rowid from incoming)"
        )
        if entity in FULL:
            same = f"""select (select list(hash order by hash) from arrived) is not distinct from
                (select list(hash order by hash) from {bronze} where batch = (select max(batch) from {bronze}))"""
            wanted = "false" if self._one(same) else "true"
        elif entity == "claims":
            wanted = "true"
        else:
            # The overlap re-reads two days; of these rows only what differs from the key's newest version is new.
            wanted = f"""(not exists (from {bronze}) or ModifiedDate::timestamp >=
                (select max(ModifiedDate::timestamp) - interval 2 day from {bronze}))
                and hash not in (select hash from {bronze} as b where b.batch =
                    (select max(batch) from {bronze} as k where k.{KEYS[entity]} = b.{KEYS[entity]}))"""
        self.db.execute(f"insert into {bronze} select {self._batch}, place, hash, {listed} from arrived where {wanted}")

    def _one(self, sql: str) -> Any:  # noqa: ANN401  a value of any SQL type
        row = self.db.execute(sql).fetchone()
        assert row is not None
        return row[0]

    def judge(self, system: str, entity: str) -> None:
        """Make <system>_<entity>_judged (one row per bronze row with its failed rules) and ..._current."""
        name, key = f"{system}_{entity}", KEYS[entity]
        tests = {"key_missing": f"{key} is null", **RULES[entity]}
        tests[KEY_REPEATED] = f"contents > 1 and {key} is not null"
        reject = ["key_missing", "value_unparseable", *rules_of(entity, "reject")]
        quarantine = [KEY_REPEATED, *rules_of(entity, "quarantine")]
        failed = ", ".join(f"case when {test} then '{rule}' end" for rule, test in tests.items())
        self.db.execute(f"""
            create or replace table {name}_judged as
            select *, list_filter([{failed}], lambda r: r is not null) as failed,
                len(list_intersect(failed, {reject})) > 0 as rejected,
                len(list_intersect(failed, {reject})) = 0 and len(list_intersect(failed, {quarantine})) > 0
                    as quarantined,
            from (
                select b.*, contents,
                    row_number() over (partition by batch, b.hash order by place) > 1
                    or ({key} is not null and coalesce(
                        b.hash = lag(b.hash) over (partition by {key} order by batch, place), false
                    )) as is_copy
                from {name} as b left join (
                    select batch as kb, {key} as kk, count(distinct hash) as contents from {name} group by all
                ) on kb = batch and kk = {key}
            )""")
        newest = "(batch, place)" if entity in FULL else "ModifiedDate"
        listed = f"(select {key} from {name} where batch = (select max(batch) from {name}))"
        alive = f"{key} in {listed}" if entity in FULL else "true"
        self.db.execute(f"""
            create or replace table {name}_current as
            select * from {name}_judged
            where not is_copy and not rejected and not quarantined and {alive}
            qualify row_number() over (partition by {key} order by {newest} desc) = 1""")

    def counts(self, system: str, entity: str) -> dict[str, int]:
        """The ``rows`` part of the answer key."""
        name, key = f"{system}_{entity}", KEYS[entity]
        if entity in FULL:
            is_open = f"batch = (select max(batch) from {name}_judged as n where n.{key} = j.{key} and not n.is_copy)"
        else:
            is_open = f"""not exists (from {name}_current as c
                where c.{key} = j.{key} and c.ModifiedDate > j.ModifiedDate)"""
        copies = f"select count(*) from {name}_judged where is_copy"
        result = {
            "bronze": self._one(f"select count(*) from {name}"),
            "exact_duplicates": self._one(copies),
            "rejected": self._one(f"select count(*) from {name}_judged where not is_copy and rejected"),
            "quarantined": self._one(f"select count(*) from {name}_judged where not is_copy and quarantined"),
            "quarantined_open": self._one(
                f"select count(*) from {name}_judged as j where not is_copy and quarantined and {is_open}"
            ),
            # A valid row that is not the current one was superseded, in its turn or at once.
            "superseded": self._one(f"""select count(*) from {name}_judged as j
                where not is_copy and not rejected and not quarantined
                and not exists (from {name}_current as c where c.batch = j.batch and c.place = j.place)"""),
            "current_valid": self._one(f"select count(*) from {name}_current"),
        }
        return {rule: int(count) for rule, count in result.items()}

    def failures(self, system: str, entity: str) -> dict[str, int]:
        """Bronze rows per failed rule."""
        return dict(
            self.db.execute(f"""select rule, count(*) from {system}_{entity}_judged, unnest(failed) as t(rule)
                where not is_copy group by 1 order by 1""").fetchall()
        )

    def orphans(self, child: str, column: str, parents: str) -> int:
        """Rows of ``child`` whose reference is not among ``parents``, a query of one column."""
        return int(self._one(f"select count(*) from {child} where {column} not in ({parents})"))
