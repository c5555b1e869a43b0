"""Hospitals of a few charge lines each, declared and sent as CSV files: many of them in one lakehouse."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.python.lakehouses import Warehouse, with_project
from tests.python.pipeline.charge_lines import MAP

FOLDER = "examples/cases"
PHI = {"line": "account_number", "visit": "account_number", "mrn": "record_number", "name": "name"}
# A charge line as most sources send it: what a row does not say is this.
USUAL = {
    "line": "L-1",
    "visit": "V-1",
    "mrn": "M-1",
    "payer": "Blue Plan",
    "plan": "Commercial",
    "payer_kind": "Insurance",
    "code": "99213",
    "icd": "I10",
    "day": "2026-10-05",
    "amount": "100.00",
    "paid": "",
    "paid_day": "",
    "name": "",
}
# Files say nothing about when a row was changed.
CHARGES = {name: column for name, column in MAP.items() if name != "modified_at"}

Row = Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """One table of a source: its files, a list of rows for each round."""

    entity: str
    column_map: Mapping[str, str]
    rounds: Sequence[Sequence[Row]]
    mode: str = "incremental"
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Source columns, in order."""
        named = dict.fromkeys(column for rows in self.rounds for row in rows for column in row)
        return list(named) if self.entity != "transactions" else list(USUAL)


@dataclass(frozen=True)
class Source:
    """One source with its dialect and its tables."""

    name: str
    tables: Sequence[Table]
    dialect: Mapping[str, Any] = field(default_factory=dict)

    def declared(self) -> dict[str, Any]:
        """Its YAML."""
        return {
            "name": self.name,
            "schema": f"bronze_{self.name}",
            "config": {
                "meta": {
                    "label": self.name,
                    "kind": "files",
                    "connection": {"env": "RCM_LANDING", "default": "{lakehouse}/landing"},
                    **({"dialect": dict(self.dialect)} if self.dialect else {}),
                }
            },
            "tables": [
                {
                    "name": table.entity,
                    "config": {
                        "meta": {
                            "load": {
                                "files": f"{self.name}/{table.entity}_*.csv",
                                "mode": table.mode,
                                "key": [table.columns[0]],
                            },
                            "map": dict(table.column_map),
                            **table.meta,
                        }
                    },
                    "columns": [
                        {"name": column, "data_type": "string"}
                        | ({"config": {"meta": {"phi": PHI[column]}}} if column in PHI else {})
                        for column in table.columns
                    ],
                }
                for table in self.tables
            ],
        }


def charges(*rounds: Sequence[Row], leave_out: Sequence[str] = (), mode: str = "incremental") -> Table:
    """A table of charge lines; a row names what differs from the usual one."""
    columns = {name: column for name, column in CHARGES.items() if name not in leave_out}
    return Table("transactions", columns, rounds, mode)


def lakehouse_of(sources: Sequence[Source], folder: Path) -> Warehouse:
    """A lakehouse and a project of these sources alone; nothing is loaded yet."""
    listed = {source.name: [table.entity for table in source.tables] for source in sources}
    lines = "".join(f"      {name}: [{', '.join(tables)}]\n" for name, tables in listed.items())
    warehouse = with_project(
        Warehouse(folder / "lakehouse", {"RCM_BRONZE": FOLDER}),
        folder / "project",
        ("dbt_project.yml", "    examples/tutorial:\n", f"    {FOLDER}:\n{lines}    examples/tutorial:\n"),
        # Cases of a row or two, which are held back one by one, wait for nobody.
        ("dbt_project.yml", "minimum_rows_if_all: 1}", "minimum_rows_if_all: 1000}"),
    )
    control = warehouse.project / FOLDER
    control.mkdir()
    for source in sources:
        document = {"version": 2, "sources": [source.declared()]}
        (control / f"{source.name}.yml").write_text(yaml.safe_dump(document, sort_keys=False))
    return warehouse


def send(warehouse: Warehouse, sources: Sequence[Source], number: int) -> None:
    """Put the files of a round into the landing folder; a table without rows in it sends none."""
    for source in sources:
        for table in source.tables:
            if number < len(table.rounds) and table.rounds[number]:
                place = warehouse.lakehouse / "landing" / source.name / f"{table.entity}_{number}.csv"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(_as_csv(table, table.rounds[number]), encoding="utf-8")


def _as_csv(table: Table, rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, table.columns, lineterminator="\n", restval="")
    writer.writeheader()
    usual = USUAL if table.entity == "transactions" else {}
    writer.writerows({**usual, **row} for row in rows)
    return text.getvalue()
