"""Hospitals with one table of charge lines each, declared and filled by a test: a database file and a YAML apiece."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.python.lakehouses import Warehouse, warm_process, with_project

COLUMNS = {
    "line": "string",
    "visit": "string",
    "mrn": "string",
    "payer": "string",
    "plan": "string",
    "payer_kind": "string",
    "code": "string",
    "icd": "string",
    "day": "date",
    "amount": "decimal(18,2)",
    "paid": "decimal(18,2)",
    "paid_day": "date",
    "updated": "timestamp",
}
MAP = {
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
}
PRIVATE = {"line": "account_number", "visit": "account_number", "mrn": "record_number"}


def table(
    name: str = "transactions",
    *,
    columns: Mapping[str, str] = COLUMNS,
    mapped: Mapping[str, str] = MAP,
    load: Mapping[str, Any] | None = None,
    **meta: object,
) -> dict[str, Any]:
    """The declaration of one table; read in full from the object of its name."""
    load = load or {"object": name, "mode": "full"}
    key = mapped.get(f"{name[:-1]}_id", next(iter(columns)))
    return {
        "name": name,
        "description": "Made by a test.",
        "config": {"meta": {"load": {"key": [key], **load}, "map": dict(mapped), **meta}},
        "columns": [
            {
                "name": column,
                "data_type": data_type,
                "description": "A column.",
                "config": {"meta": {"phi": PRIVATE[column]} if column in PRIVATE else {}},
            }
            for column, data_type in columns.items()
        ],
    }


@dataclass
class Group:
    """A hospital group in a copy of the project, with a control table of its own.

    Args:
        warehouse: Its lakehouse and project.
    """

    warehouse: Warehouse

    @classmethod
    def make(cls, folder: Path, *, waits: bool = False) -> "Group":
        """A group without hospitals.

        Args:
            folder: Where all of it is.
            waits: A batch of a row or two that is held back as a whole waits for a person, as it does by default.
        """
        changes = [] if waits else [("dbt_project.yml", "minimum_rows_if_all: 1}", "minimum_rows_if_all: 1000}")]
        warehouse = with_project(Warehouse(folder / "lakehouse"), folder / "project", *changes)
        for path in (warehouse.project / "models" / "bronze").glob("*.yml"):
            path.unlink()
        (warehouse.lakehouse / "sources").mkdir(parents=True)
        group = cls(warehouse)
        group.list({})
        return group

    def list(self, systems: Mapping[str, Sequence[str]]) -> None:
        """Write the list of systems."""
        path = self.warehouse.project / "dbt_project.yml"
        before, _, rest = path.read_text().partition("    models/bronze:")
        _, parted, after = rest.partition("    examples/tutorial:")
        lines = [f"      {name}: [{', '.join(tables)}]" for name, tables in systems.items()]
        written = "\n".join(["    models/bronze:", *lines]) if lines else "    models/bronze: {}"
        path.write_text(f"{before}{written}\n{parted}{after}")

    def declare(self, name: str, *tables: dict[str, Any], file: str | None = None, **changes: object) -> Path:
        """Write a hospital's YAML; by default one table of charge lines in a database of its own."""
        meta = {
            "label": name.replace("_", " ").title(),
            "kind": "database",
            "connection": {
                "env": f"RCM_{name.upper()}_URL",
                "default": f"sqlite:///{{lakehouse}}/sources/{name}.db",
            },
            **changes,
        }
        source = {
            "name": name,
            "description": "Made by a test.",
            "schema": f"bronze_{name}",
            "config": {"loaded_at_query": "{{ last_good_load(this) }}", "meta": meta},
            "tables": list(tables or [table()]),
        }
        return self.write(file or f"{name}.yml", yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False))

    def write(self, file: str, text: str) -> Path:
        """Write a file of the control table."""
        path = self.warehouse.project / "models" / "bronze" / file
        path.write_text(text)
        return path

    def rows(
        self, name: str, rows: Sequence[Mapping[str, object]], of: str = "transactions", columns: Sequence[str] = ()
    ) -> None:
        """Replace the rows of a table in a hospital's database; a column that no row has is null."""
        names = list(columns or COLUMNS)
        with closing(sqlite3.connect(self.warehouse.lakehouse / "sources" / f"{name}.db")) as database, database:
            database.execute(f"drop table if exists {of}")
            database.execute(f"create table {of} ({', '.join(names)})")
            marks = ", ".join("?" for _ in names)
            database.executemany(
                f"insert into {of} values ({marks})", [[row.get(column) for column in names] for row in rows]
            )

    def put(self, name: str, *rows: Mapping[str, object], table: str = "transactions") -> None:
        """Add rows to a table of a hospital's database."""
        for row in rows:
            marks = ", ".join("?" for _ in row)
            self.execute(name, f"insert into {table} ({', '.join(row)}) values ({marks})", *row.values())

    def execute(self, name: str, statement: str, *values: object) -> None:
        """Run a statement in a hospital's database."""
        with closing(sqlite3.connect(self.warehouse.lakehouse / "sources" / f"{name}.db")) as database, database:
            database.execute(statement, values)

    def drop(self, file: str, text: str) -> Path:
        """A file arrives in the landing folder."""
        path = self.warehouse.lakehouse / "landing" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def fails(self, *command: str) -> str:
        """What a command that exits 1 says on standard error, or dbt on standard output."""
        environment = {"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test", **self.warehouse.environ()}
        ended = warm_process().run(*command, cwd=self.warehouse.project, environment=environment)
        assert ended.returncode == 1, ended.stdout + ended.stderr
        return ended.stdout if command[0] == "dbt" else ended.stderr

    def receivables(self) -> dict[str, str]:
        """A/R by hospital, as gold has it."""
        rows = self.warehouse.query(
            "select hospital_code, sum(ar_delta_amount)::decimal(18,2)::varchar from gold.fct_ar_events"
            " inner join gold.dim_hospital using (hospital_key) group by all"
        )
        return {str(name): str(amount) for name, amount in rows}


def line(number: str, amount: str, **values: object) -> dict[str, object]:
    """A charge line."""
    return {
        "line": number,
        "visit": f"V-{number}",
        "mrn": f"P-{number}",
        "payer": "Blue",
        "plan": "Commercial",
        "payer_kind": "Insurance",
        "code": "99213",
        "icd": "I10",
        "day": "2025-10-05",
        "amount": amount,
        "updated": "2025-10-06 08:00:00",
        **values,
    }
