"""Runs the real dbt project on lakehouses of its own, each in a folder that goes with the test."""

import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import duckdb
from filelock import FileLock

from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.warm import WarmProcess

PROJECT = Path(__file__).parents[2]
DBT_PARTS = ("models", "examples", "macros", "seeds", "snapshots", "tests", "analyses", "profiles")

# The demonstration, and the days that follow it.
SIMULATE = ("--patients", "400")
DAYS = (0, 1, 2, 3)

# What this test worker keeps: dbt's target folders, and the output of its commands.
OWN = Path(tempfile.gettempdir()) / f"rcm-tests-{os.getpid()}"


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
        return OWN / self.environment.get("RCM_BRONZE", "models/bronze").replace("/", "-")

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

    def run(self, *command: str, expect: int = 0, tests: bool = False, killed_at: int | None = None) -> str:
        """Run a command of the environment (``rcm``, ``dbt``) in the project folder and return what it printed.

        Args:
            command: The command and its arguments.
            expect: Its exit code.
            tests: Builds run dbt's data tests, too, of which the circuit breaker is one. Unit tests and tests of macros
                are a matter of the code and have a test of their own.
            killed_at: A ``dbt`` command is killed when so many of its nodes are done.
        """
        environment = {"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test" if tests else "unit_test test", **self.environ()}
        if "--vars" in command:
            # They make another project of it: dbt would parse this one anew afterwards.
            environment["DBT_TARGET_PATH"] += "-vars"
        if command[0] == "dbt" and "build" in command and "--exclude" not in command:
            command += ("--exclude", "path:tests/macros")
        ended = warm_process().run(*command, cwd=self.project, environment=environment, killed_at=killed_at)
        assert ended.returncode == (-signal.SIGKILL if killed_at else expect), (
            ended.stdout[-6000:] + ended.stderr[-2000:]
        )
        return ended.stdout

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


def with_project(warehouse: Warehouse, folder: Path, *changes: tuple[str, str, str]) -> Warehouse:
    """The same lakehouse under a copy of the project in which files are changed: (file, text, its replacement)."""
    for part in DBT_PARTS:
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "python"))
    shutil.copy(PROJECT / "dbt_project.yml", folder)
    for name, text, replacement in changes:
        file = folder / name
        assert text in file.read_text()
        file.write_text(file.read_text().replace(text, replacement, 1))
    # What dbt parsed of the project itself: of the copy it then parses only the changed files.
    if (parsed := warehouse.target / "partial_parse.msgpack").exists():
        (folder / "target").mkdir()
        shutil.copy(parsed, folder / "target")
    return replace(warehouse, project=folder)


@cache
def warm_process() -> WarmProcess:
    """The warm process of this worker; it parses the project once for every lakehouse."""
    return WarmProcess(PROJECT, Warehouse(OWN / "lakehouse").environ(), OWN)


@dataclass(frozen=True)
class SimulatedDays:
    """Two simulated hospitals after each day, loaded and built day by day: once for all workers of a test session."""

    folder: Path

    def copy(self, day: int, into: Path) -> Warehouse:
        """The lakehouse after that day, which the caller may change."""
        self._make(day)
        return Warehouse(Path(shutil.copytree(self._lakehouse(day), into, dirs_exist_ok=True)))

    def printed(self, day: int) -> str:
        """What the demonstration said on that day."""
        return (self.folder / f"day_{day}.txt").read_text()

    def _lakehouse(self, day: int) -> Path:
        return self.folder / f"day_{day}"

    def _make(self, day: int) -> None:
        """Make the day unless it is there; a worker that wants another day does not wait for this one."""
        with FileLock(self.folder / f"day_{day}.lock"):
            printed = self.folder / f"day_{day}.txt"
            if printed.exists():
                return
            warehouse = Warehouse(self._lakehouse(day))
            if day:
                self._make(day - 1)
                shutil.copytree(self._lakehouse(day - 1), warehouse.lakehouse)
                warehouse.run("rcm", "simulate", *SIMULATE, "--day", str(day))
            printed.write_text(warehouse.run("rcm", "demo", *SIMULATE, tests=True))
