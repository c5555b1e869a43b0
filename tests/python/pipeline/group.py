"""A hospital group of many small hospitals, each of which keeps its charge lines, and maybe providers, in SQLite."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.python.lakehouses import Warehouse, with_project

LINES = ("line", "visit", "mrn", "payer", "plan", "payer_kind", "code", "icd", "day", "amount", "paid", "paid_day")
PROVIDERS = ("id", "first", "last", "npi")
MAPS = {
    "transactions": {
        "transaction_id": "line",
        "encounter_id": "visit",
        "patient_id": "mrn",
        "payer_id": "payer",
        "payer_group": "plan",
        "payment_source": "payer_kind",
        "procedure_code": "code",
        "diagnosis_code": "icd",
        "service_date": "day",
        "charge_amount": "amount",
        "paid_amount": "paid",
        "paid_date": "paid_day",
        "modified_at": "updated",
    },
    "providers": {"provider_id": "id", "first_name": "first", "last_name": "last", "npi": "npi"},
}
TYPES = {"day": "date", "paid_day": "date", "updated": "timestamp", "paid": "decimal(18,2)"}


@dataclass(frozen=True)
class Hospital:
    """How a hospital's tables are loaded: full, or by increments."""

    name: str
    mode: str = "full"
    tables: tuple[str, ...] = ("transactions",)
    amount_type: str = "decimal(18,2)"
    meta: tuple[tuple[str, Any], ...] = ()


def line(number: str, amount: object, **changes: object) -> dict[str, object]:
    """A charge line that passes every rule, with changes."""
    plain: dict[str, object] = {
        "line": number,
        "visit": f"V-{number}",
        "mrn": f"P-{number}",
        "payer": "Acme",
        "plan": "Commercial",
        "payer_kind": "Insurance",
        "code": "99213",
        "icd": "I10",
        "day": "2026-10-05",
        "amount": amount,
        "paid": "0.00",
        "paid_day": None,
        "updated": "2026-10-10 08:00:00",
    }
    return {**plain, **changes}


class Group:
    """A project with these hospitals and no other, and their databases.

    Args:
        folder: Where all of it is.
        hospitals: The hospitals.
    """

    def __init__(self, folder: Path, hospitals: Sequence[Hospital]) -> None:
        self.sources = folder / "lakehouse" / "sources"
        self.sources.mkdir(parents=True)
        self.hospitals = {hospital.name: hospital for hospital in hospitals}
        self.warehouse = with_project(Warehouse(folder / "lakehouse"), folder / "project")
        project = self.warehouse.project
        for path in (project / "models" / "bronze").glob("*.yml"):
            path.unlink()
        listed = {hospital.name: list(hospital.tables) for hospital in hospitals}
        text = (project / "dbt_project.yml").read_text()
        written = "".join(f"      {name}: [{', '.join(tables)}]\n" for name, tables in listed.items())
        text, count = re.subn(r"(    models/bronze:\n)(      .*\n)+", rf"\g<1>{written}", text)
        assert count == 1
        (project / "dbt_project.yml").write_text(text)
        for hospital in hospitals:
            document = {"version": 2, "sources": [_source(hospital)]}
            (project / "models" / "bronze" / f"{hospital.name}.yml").write_text(yaml.safe_dump(document))
            for table in hospital.tables:
                names = (*LINES, "updated") if table == "transactions" else PROVIDERS
                quoted = ", ".join(f'"{name}"' for name in names)
                self.execute(hospital.name, f"create table {table} ({quoted})")

    def execute(self, hospital: str, statement: str) -> None:
        """Run a statement in a hospital's database."""
        with closing(sqlite3.connect(self.sources / f"{hospital}.db")) as connection, connection:
            connection.execute(statement)

    def put(self, hospital: str, *rows: dict[str, object], table: str = "transactions") -> None:
        """Insert rows into a table of a hospital."""
        with closing(sqlite3.connect(self.sources / f"{hospital}.db")) as connection, connection:
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" for _ in row)
                connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))

    def receivables(self) -> dict[str, str]:
        """A/R of each hospital as the ledger has it now, USD."""
        rows = self.warehouse.query(
            "select hospital_code, sum(ar_delta_amount) from gold.fct_ar_events"
            " inner join gold.dim_hospital using (hospital_key) group by all order by 1"
        )
        return {str(name): str(amount) for name, amount in rows}


def _source(hospital: Hospital) -> dict[str, Any]:
    return {
        "name": hospital.name,
        "description": f"Charge lines of {hospital.name}.",
        "schema": f"bronze_{hospital.name}",
        "config": {
            "meta": {
                "label": hospital.name.replace("_", " ").title(),
                "kind": "database",
                "connection": {
                    "env": f"RCM_{hospital.name.upper()}_URL",
                    "default": f"sqlite:///{{lakehouse}}/sources/{hospital.name}.db",
                },
                **dict(hospital.meta),
            }
        },
        "tables": [_table(hospital, table) for table in hospital.tables],
    }


def _table(hospital: Hospital, table: str) -> dict[str, Any]:
    is_lines = table == "transactions"
    load: dict[str, Any] = {"object": table, "mode": "full", "key": ["line" if is_lines else "id"]}
    if is_lines and hospital.mode == "incremental":
        load |= {"mode": "incremental", "watermark": "updated", "lag": "P2D"}
    names = (*LINES, "updated") if is_lines else PROVIDERS
    types = {**TYPES, "amount": hospital.amount_type}
    return {
        "name": table,
        "description": f"{table} of {hospital.name}.",
        "config": {"meta": {"load": load, "map": MAPS[table]}},
        "columns": [
            {"name": name, "data_type": types.get(name, "string"), "description": f"Column {name}."} for name in names
        ],
    }
