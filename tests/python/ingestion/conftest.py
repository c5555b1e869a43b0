"""A project of its own per test: control table, SQLite source, landing folder; all real, all small."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from ingestion.base.settings import Settings, read_settings
from ingestion.bronze.audit import LoadResult
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.loads.load import IngestSummary, ingest, redrive
from ingestion.sources.control_table import load_systems
from ingestion.sources.planned import Request

VISITS: dict[str, Any] = {
    "name": "visits",
    "config": {
        "meta": {
            "load": {
                "object": "visits",
                "mode": "incremental",
                "watermark": "ModifiedDate",
                "lag": "P2D",
                "key": ["VisitID"],
            },
            "map": {"visit_id": "VisitID"},
        }
    },
    "columns": [
        {"name": "VisitID", "data_type": "string"},
        {"name": "Amount", "data_type": "decimal(18,2)"},
        {"name": "VisitDate", "data_type": "date"},
        {"name": "ModifiedDate", "data_type": "timestamp"},
    ],
}
WARDS: dict[str, Any] = {
    "name": "wards",
    "config": {"meta": {"load": {"object": "wards", "mode": "full", "key": ["WardID"]}}},
    "columns": [{"name": "WardID", "data_type": "string"}, {"name": "Name", "data_type": "string"}],
}
CLAIMS: dict[str, Any] = {
    "name": "claims",
    "config": {"meta": {"load": {"files": "claims/*.csv*", "mode": "incremental", "key": ["ClaimID"]}}},
    "columns": [{"name": "ClaimID", "data_type": "string"}, {"name": "Amount", "data_type": "string"}],
}
CODES: dict[str, Any] = {
    "name": "codes",
    "config": {"meta": {"load": {"files": "codes/*.csv", "mode": "full", "key": ["code"]}}},
    "columns": [{"name": "code", "data_type": "string"}, {"name": "text", "data_type": "string"}],
}


def source(name: str, kind: str, env: str, default: str, tables: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "schema": f"bronze_{name}",
        "config": {"meta": {"kind": kind, "connection": {"env": env, "default": default}}},
        "tables": list(tables),
    }


@dataclass
class Project:
    root: Path

    @property
    def database(self) -> Path:
        return self.root / "emr.db"

    @property
    def landing(self) -> Path:
        return self.root / "lakehouse" / "landing"

    def declare(
        self,
        sources: Sequence[dict[str, Any]],
        listed: dict[str, list[str]] | None = None,
        code_systems: dict[str, list[str]] | None = None,
    ) -> None:
        if listed is None:
            listed = {entry["name"]: [table["name"] for table in entry["tables"]] for entry in sources}
        project = {"name": "x", "vars": {"systems": {"models/bronze": listed}, "code_systems": code_systems or {}}}
        self.write("dbt_project.yml", yaml.safe_dump(project, sort_keys=False))
        self.write("models/bronze/sources.yml", yaml.safe_dump({"version": 2, "sources": list(sources)}))

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def drop(self, name: str, content: str | bytes) -> Path:
        """A file arrives in the landing folder."""
        return self.write(f"lakehouse/landing/{name}", content)

    def sql(self, statement: str, *rows: Sequence[object]) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            if rows:
                connection.executemany(statement, rows)
            else:
                connection.execute(statement)

    def visit(self, *rows: tuple[str | None, object, str | None, str | None]) -> None:
        """Visits as (VisitID, Amount, VisitDate, ModifiedDate)."""
        self.sql("insert into visits values (?, ?, ?, ?)", *rows)

    def ingest(self, *, source: str | None = None, full: bool = False) -> IngestSummary:
        settings = self.settings()
        return ingest(
            settings, load_systems(settings.project_dir, settings.bronze_dir), source=source, request=Request(full)
        )

    def load(self, label: str, *, full: bool = False) -> LoadResult:
        """The result of the only load of one table."""
        system, table = label.split(".")
        settings = self.settings()
        systems = load_systems(settings.project_dir, settings.bronze_dir)
        [result] = ingest(settings, systems, source=system, table=table, request=Request(full)).results
        return result

    def settings(self) -> Settings:
        return read_settings({})

    def redrive(self) -> list[LoadResult]:
        """The results of taking rejected lines again."""
        settings = self.settings()
        return list(redrive(settings, load_systems(settings.project_dir, settings.bronze_dir)).results)

    def bronze(self, label: str, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Rows of a bronze table, in the order they arrived."""
        settings = self.settings()
        systems = load_systems(settings.project_dir, settings.bronze_dir)
        [spec] = [table for system in systems for table in system.tables if table.label == label]
        delta = bronze_table(settings, spec).open()
        if delta is None:
            return []
        rows = pa.table(delta.scan())
        names = list(columns or rows.schema.names)
        arrived = sorted(rows.to_pylist(), key=lambda row: (row["_batch_id"], row["_row_number"]))
        return [{name: row[name] for name in names} for row in arrived]

    def commits(self, label: str) -> int:
        return len(list((self.root / "lakehouse" / "bronze" / label.replace(".", "/") / "_delta_log").glob("*.json")))

    def log(self) -> list[LoadResult]:
        return audit_log(self.settings()).results()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An EMR database with an incremental and a full table, and a landing folder with claims and codes."""
    created = Project(tmp_path)
    created.declare(
        [
            source("emr", "database", "TEST_EMR_URL", f"sqlite:///{created.database}", [VISITS, WARDS]),
            source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [CLAIMS]),
            source("codes", "files", "TEST_LANDING", "{lakehouse}/landing", [CODES]),
        ]
    )
    created.sql("create table visits (VisitID text, Amount decimal(18,2), VisitDate date, ModifiedDate datetime)")
    created.sql("create table wards (WardID text, Name text)")
    monkeypatch.chdir(tmp_path)
    return created
