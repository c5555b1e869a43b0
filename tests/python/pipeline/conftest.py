"""Runs the real dbt project on lakehouses of its own, each in a folder that goes with the test."""

import datetime
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from filelock import FileLock

from ingestion.duckdb_plugin import load_delta

PROJECT = Path(__file__).parents[3]

# The demonstration, and the days that follow it.
SIMULATE = ("--patients", "400")
DAYS = (0, 1, 2, 3)


@dataclass
class Warehouse:
    """One lakehouse folder and the dbt project that builds it."""

    lakehouse: Path
    environment: dict[str, str] = field(default_factory=dict)
    project: Path = PROJECT

    @property
    def target(self) -> Path:
        """Where dbt leaves what it made of the project; one folder per control table, so that parsing is done once."""
        if self.project != PROJECT:
            return self.project / "target"
        control_table = self.environment.get("RCM_BRONZE", "models/bronze").replace("/", "-")
        return Path(tempfile.gettempdir()) / f"rcm-tests-{os.getpid()}" / control_table

    def environ(self) -> dict[str, str]:
        """The environment of a command that works on this lakehouse."""
        return {
            **os.environ,
            "RCM_LAKEHOUSE": str(self.lakehouse),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.lakehouse / "logs"),
            "DBT_PROFILES_DIR": str(self.project / "profiles"),
            # One key for all: lakehouses are compared with each other.
            "RCM_PHI_KEY": "a key of the tests, which protects nothing",
            "NO_COLOR": "1",
            **self.environment,
        }

    def run(self, *command: str, expect: int = 0) -> str:
        """Run a command of the environment (``rcm``, ``dbt``) in the project folder and return what it printed."""
        executable = Path(sys.executable).parent / command[0]
        done = subprocess.run(
            [str(executable), *command[1:]],
            cwd=self.project,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == expect, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query over the warehouse, opened read-only."""
        with duckdb.connect(str(self.lakehouse / "warehouse.duckdb"), read_only=True) as connection:
            load_delta(connection)
            return connection.sql(sql).fetchall()

    def content(self) -> dict[str, str]:
        """A hash of every silver, history and gold table, independent of row order."""
        tables = self.query(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('silver', 'history', 'gold') order by 1"
        )
        hashed = " union all ".join(
            f"select '{name}', count(*) || ':' || coalesce(sum(hash(t)), 0) from {name} as t" for (name,) in tables
        )
        return {str(name): str(content) for name, content in self.query(hashed)}


@dataclass(frozen=True)
class SimulatedDays:
    """Two simulated hospitals after each day, loaded and built day by day: once for all workers of a test session."""

    folder: Path

    def copy(self, day: int, into: Path) -> Warehouse:
        """The lakehouse after that day, to do with as one likes."""
        with FileLock(self.folder / "lock"):
            self._make(day)
        return Warehouse(Path(shutil.copytree(self._lakehouse(day), into, dirs_exist_ok=True)))

    def printed(self, day: int) -> str:
        """What the demonstration said on that day."""
        return (self.folder / f"day_{day}.txt").read_text()

    def _lakehouse(self, day: int) -> Path:
        return self.folder / f"day_{day}"

    def _make(self, day: int) -> None:
        printed = self.folder / f"day_{day}.txt"
        if printed.exists():
            return
        warehouse = Warehouse(self._lakehouse(day))
        if day:
            self._make(day - 1)
            shutil.copytree(self._lakehouse(day - 1), warehouse.lakehouse)
            warehouse.run("rcm", "simulate", *SIMULATE, "--day", str(day))
        printed.write_text(warehouse.run("rcm", "demo", *SIMULATE))


@pytest.fixture(scope="session")
def simulated_days(tmp_path_factory: pytest.TempPathFactory) -> SimulatedDays:
    """The simulated days; a worker that wants one waits while another makes it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / "simulated_days"
    folder.mkdir(exist_ok=True)
    return SimulatedDays(folder)


def write_departments(
    lakehouse: Path, minute: int, load_type: str, rows: Sequence[tuple[str | None, str | None]]
) -> str:
    """Append one batch of hospital A's departments to bronze, as ingestion would; returns its batch id."""
    ingested_at = datetime.datetime(2024, 1, 1, 0, minute)
    batch_id = f"{ingested_at:%Y%m%dT%H%M%S%f}-hospital_a.departments"
    names = [name for _, name in rows]
    codes = [code for code, _ in rows]
    count = len(rows)
    table = pa.table(
        {
            "DeptID": pa.array(codes, pa.string()),
            "Name": pa.array(names, pa.string()),
            "_batch_id": pa.array([batch_id] * count),
            "_row_number": pa.array(range(1, count + 1), pa.int64()),
            "_load_type": pa.array([load_type] * count),
            "_ingested_at": pa.array([ingested_at] * count, pa.timestamp("us")),
            "_source_file": pa.nulls(count, pa.string()),
            "_row_hash": pa.array([f"{code}|{name}" for code, name in rows]),
        }
    )
    write_deltalake(lakehouse / "bronze" / "hospital_a" / "departments", table, mode="append")
    return batch_id


def write_encounters(
    lakehouse: Path, minute: int, load_type: str, rows: Sequence[tuple[str, str, str | None, datetime.datetime | None]]
) -> str:
    """Append one batch of hospital A's encounters: number, type, provider and date of change; returns its batch id."""
    ingested_at = datetime.datetime(2025, 1, 1, 0, minute)
    batch_id = f"{ingested_at:%Y%m%dT%H%M%S%f}-hospital_a.encounters"
    count = len(rows)
    numbers, types, providers, changes = zip(*rows, strict=True)
    table = pa.table(
        {
            "EncounterID": pa.array(numbers, pa.string()),
            "PatientID": pa.array(["P1"] * count),
            "EncounterDate": pa.array([datetime.date(2024, 2, 1)] * count),
            "EncounterType": pa.array(types, pa.string()),
            "ProviderID": pa.array(providers, pa.string()),
            "DepartmentID": pa.nulls(count, pa.string()),
            "ProcedureCode": pa.nulls(count, pa.string()),
            "InsertedDate": pa.nulls(count, pa.timestamp("us")),
            "ModifiedDate": pa.array(changes, pa.timestamp("us")),
            "_batch_id": pa.array([batch_id] * count),
            "_row_number": pa.array(range(1, count + 1), pa.int64()),
            "_load_type": pa.array([load_type] * count),
            "_ingested_at": pa.array([ingested_at] * count, pa.timestamp("us")),
            "_source_file": pa.nulls(count, pa.string()),
            "_row_hash": pa.array([f"{row}" for row in rows]),
        }
    )
    write_deltalake(lakehouse / "bronze" / "hospital_a" / "encounters", table, mode="append")
    return batch_id
