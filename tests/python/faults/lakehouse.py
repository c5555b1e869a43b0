"""A small lakehouse with one table of each kind, what to do with it, and an account of everything it holds."""

import contextlib
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from ingestion.base.settings import Settings, read_settings
from ingestion.bronze import BronzeTable
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.declared.specs import SystemSpec
from ingestion.loads.load import IngestSummary, ingest, redrive
from ingestion.loads.maintenance import Maintained, maintain
from ingestion.sources.control_table import load_systems
from ingestion.sources.planned import Request

_LINEAGE = ("_batch_id", "_ingested_at")


def declaration(name: str, kind: str, default: str, tables: dict[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """A system of the control table: per table its load and its columns, ``VisitID string, Amount decimal(18,2)``."""
    entries = []
    for table, (load, columns) in tables.items():
        pairs = (column.split(maxsplit=1) for column in columns.split("; "))
        declared = [{"name": column, "data_type": data_type} for column, data_type in pairs]
        entries.append({"name": table, "config": {"meta": {"load": load}}, "columns": declared})
    connection = {"env": f"TEST_{name.upper()}", "default": default}
    return {
        "name": name,
        "schema": f"bronze_{name}",
        "config": {"meta": {"kind": kind, "connection": connection}},
        "tables": entries,
    }


_VISITS = {"object": "visits", "mode": "incremental", "watermark": "ModifiedDate", "lag": "P2D", "key": ["VisitID"]}
_SYSTEMS = [
    declaration(
        "emr",
        "database",
        "sqlite:///emr.db",
        {
            "visits": (_VISITS, "VisitID string; Amount decimal(18,2); ModifiedDate timestamp"),
            "wards": ({"object": "wards", "mode": "full", "key": ["WardID"]}, "WardID string; Name string"),
        },
    ),
    declaration(
        "payer",
        "files",
        "{lakehouse}/landing",
        {
            "claims": (
                {"files": "claims/*.csv*", "mode": "incremental", "key": ["ClaimID"]},
                "ClaimID string; Amount string",
            ),
        },
    ),
    declaration(
        "codes",
        "files",
        "{lakehouse}/landing",
        {"codes": ({"files": "codes/*.csv", "mode": "full", "key": ["code"]}, "code string; text string")},
    ),
]


@dataclass(frozen=True)
class Lakehouse:
    """A project folder; its processes work in it."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> "Lakehouse":
        """The declarations, an empty source and an empty landing folder."""
        made = cls(root)
        listed = {system["name"]: [table["name"] for table in system["tables"]] for system in _SYSTEMS}
        project = {"name": "x", "vars": {"systems": {"models/bronze": listed}}}
        made.write("dbt_project.yml", yaml.safe_dump(project))
        made.write("models/bronze/sources.yml", yaml.safe_dump({"version": 2, "sources": _SYSTEMS}))
        # Readers keep no writer waiting.
        made.sql("pragma journal_mode = wal")
        made.sql("create table visits (VisitID text, Amount decimal(18,2), ModifiedDate datetime)")
        made.sql("create table wards (WardID text, Name text)")
        return made

    def write(self, name: str, content: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def drop(self, name: str, content: str) -> Path:
        """A file arrives in the landing folder."""
        return self.write(f"lakehouse/landing/{name}", content)

    def sql(self, statement: str, *rows: Sequence[object]) -> None:
        with contextlib.closing(sqlite3.connect(self.root / "emr.db")) as connection, connection:
            if rows:
                connection.executemany(statement, rows)
            else:
                connection.execute(statement)

    def visit(self, *rows: tuple[str, str, str | None]) -> None:
        """Visits as (VisitID, Amount, ModifiedDate)."""
        self.sql("insert into visits values (?, ?, ?)", *rows)

    def ward(self, *rows: tuple[str, str]) -> None:
        """Wards as (WardID, Name)."""
        self.sql("insert into wards values (?, ?)", *rows)

    @property
    def landing(self) -> Path:
        return self.root / "lakehouse" / "landing"

    def rejects(self) -> list[Path]:
        """Files of rejected lines that wait for a steward."""
        return _files(self.landing / "rejects")

    def settings(self, **values: str) -> Settings:
        """One table at a time, so that a run passes the same boundaries each time."""
        with contextlib.chdir(self.root):
            return read_settings({"RCM_THREADS": "1", **values})

    def systems(self) -> list[SystemSpec]:
        return list(load_systems(self.root, self.root / "models" / "bronze"))

    def table(self, label: str) -> BronzeTable:
        [found] = [spec for system in self.systems() for spec in system.tables if spec.label == label]
        return bronze_table(self.settings(), found)


# What a process does in the folder of a lakehouse.


def ingest_here(
    source: str | None = None, table: str | None = None, request: Request | None = None, **values: str
) -> IngestSummary:
    here = Lakehouse(Path.cwd())
    return ingest(here.settings(**values), here.systems(), source=source, table=table, request=request or Request())


def redrive_here(**values: str) -> IngestSummary:
    here = Lakehouse(Path.cwd())
    return redrive(here.settings(**values), here.systems())


def maintain_here(retain_hours: int = 168, **values: str) -> list[Maintained]:
    here = Lakehouse(Path.cwd())
    return list(maintain(here.settings(**values), here.systems(), retain_hours))


@dataclass(frozen=True)
class Account:
    """Everything a lakehouse holds, without the identities and times that differ from run to run.

    Args:
        batches: Per table its batches, the oldest first: how it was loaded, and every row of it.
        audit: Committed loads of the log per table, and rejected lines, as often as they are there.
        landing: Files that wait.
        archive: Archived files without their batch, with their content, as often as they are there.
        rejects: Files of rejected lines.
        orphans: Files that belong to nothing.
    """

    batches: dict[str, list[Any]]
    audit: Counter[Any]
    landing: list[str]
    archive: Counter[Any]
    rejects: Counter[Any]
    orphans: list[str]


def account(lakehouse: Lakehouse) -> Account:
    """Take stock; raises where bronze and its own log contradict each other."""
    batches: dict[str, list[Any]] = {}
    known: dict[str, tuple[str, int]] = {}
    orphans: list[str] = []
    settings = lakehouse.settings()
    for system in lakehouse.systems():
        for spec in system.tables:
            bronze = bronze_table(settings, spec)
            held = list(reversed(bronze.batches()))
            known |= {batch.batch_id: (spec.label, index) for index, batch in enumerate(held)}
            ids = [batch.batch_id for batch in held]
            if ids != sorted(set(ids)):
                raise AssertionError(f"{spec.label}: batch ids do not increase with the commits")
            rows = _rows(bronze)
            if rows.keys() - known.keys():
                raise AssertionError(f"{spec.label}: rows of batches that no commit names")
            batches[spec.label] = [
                {
                    "load_type": batch.load_type,
                    "file": batch.source_file,
                    "watermark": (batch.watermark_low, batch.watermark_high),
                    "counts": (batch.rows_read, batch.rows_written, batch.rows_rejected),
                    "redrive_of": known.get(batch.redrive_of or ""),
                    "rows": sorted(rows.get(batch.batch_id, []), key=repr),
                }
                for batch in held
            ]
            orphans += unreferenced(lakehouse.root / "lakehouse" / "bronze" / spec.system / spec.name)
    log = audit_log(settings)
    audit: Counter[Any] = Counter(
        (known[result.batch_id], result.rows_written) for result in log.results() if result.batch_id is not None
    )
    audit.update((known[row["batch_id"]], row["line"], row["reason"]) for row in log.rejected_lines().to_pylist())
    landed = _files(lakehouse.landing)
    archived = [path for path in landed if path.is_relative_to(lakehouse.landing / "archive")]
    rejected = lakehouse.rejects()
    return Account(
        batches=batches,
        audit=audit,
        landing=[str(path) for path in landed if path not in archived and path not in rejected],
        archive=Counter(_described(path, known) for path in archived),
        rejects=Counter(_described(path, known) for path in rejected),
        orphans=orphans,
    )


def versions(lakehouse: Lakehouse) -> dict[str, int]:
    """Commits of every bronze table."""
    logs = (lakehouse.root / "lakehouse" / "bronze").glob("*/*/_delta_log")
    return {str(log.parent): len(list(log.glob("*.json"))) for log in logs}


def unreferenced(table: Path) -> list[str]:
    """Parquet files of a Delta table that no commit of its log ever named."""
    named = {
        json.loads(line)["add"]["path"]
        for commit in (table / "_delta_log").glob("*.json")
        for line in commit.read_text().splitlines()
        if '"add"' in line
    }
    return [str(path) for path in table.glob("*.parquet*") if path.name not in named]


def _rows(bronze: BronzeTable) -> dict[str, list[Any]]:
    delta = bronze.open()
    rows: dict[str, list[Any]] = {}
    for row in [] if delta is None else pa.table(delta.scan()).to_pylist():
        values = {name: value for name, value in row.items() if name not in _LINEAGE}
        rows.setdefault(row["_batch_id"], []).append(values)
    return rows


def _described(path: Path, known: dict[str, tuple[str, int]]) -> Any:  # noqa: ANN401 - only compared
    batch_id, _, name = path.name.partition("_")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path.parent.name, known.get(batch_id, "no batch"), name, digest


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
