"""What a day costs: a first load, nights without changes, days with them, beside hand-written SQL for the core results.

    make bench                          # the demonstration's size
    make bench PATIENTS=20000 DAYS=5    # of each hospital

Each phase is a command that a user runs, in a process of its own. All are measured in one run on one machine, so their
ratios mean more than their seconds. Results are added to benchmarks/results.json, by size, and docs/performance.md is
written from it. Nothing of it is asserted in a test.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from resource import struct_rusage

import duckdb

from rcm.warehouse.duckdb_plugin import load_delta

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks" / "results.json"
PAGE = PROJECT / "docs" / "performance.md"
BY_HAND = PROJECT / "benchmarks" / "by_hand.sql"
REPEATS = 3
# The yardsticks of the last two columns.
HAND, START = "hand-written SQL, the core results", "dbt, an empty selection"

INTRODUCTION = """
# Performance

What a first load, a night without changes and a day cost, beside two yardsticks of the same run: dbt's start on an
empty selection, and hand-written DuckDB SQL (`benchmarks/by_hand.sql`) for the same core results. `make bench` writes
this page from `benchmarks/results.json`; run it on your machine, for a larger group with
`make bench PATIENTS=20000 DAYS=5`.

Each phase is a command in a process of its own. Seconds are medians, with their range where a phase was repeated.
Ratios are of processor seconds. Days follow each other, each with the changes of the simulator. No test asserts
anything about time.
"""


@dataclass(frozen=True)
class Measured:
    """One phase, once.

    Args:
        phase: What was run.
        wall: Seconds on the clock.
        cpu: Processor seconds of the process and its children.
        peak: Greatest memory of a process, MiB.
        warehouse: Size of the warehouse afterwards, MiB.
    """

    phase: str
    wall: float
    cpu: float
    peak: float
    warehouse: float


def main(patients: int, days: int) -> None:
    """Measure one size and write the page."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name) / "lakehouse")
        bench.run(patients, days)
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        results[str(bench.lines())] = {
            "machine": machine(),
            "measured_on": f"{datetime.now(UTC):%Y-%m-%d}",
            "receivables_equal_gold": bench.is_equal,
            "phases": [asdict(measured) for measured in bench.measured],
        }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


class Bench:
    """One size, in a lakehouse of its own."""

    def __init__(self, lakehouse: Path) -> None:
        self.lakehouse = lakehouse
        self.measured: list[Measured] = []
        self.is_equal = True
        self._environment = {
            **os.environ,
            "RCM_LAKEHOUSE": str(lakehouse),
            "DBT_TARGET_PATH": str(lakehouse / "target"),
            "DBT_LOG_PATH": str(lakehouse / "logs"),
            "DBT_PROFILES_DIR": str(PROJECT / "profiles"),
            "RCM_PROGRESS": "off",
        }

    def run(self, patients: int, days: int) -> None:
        """Simulate, load and build day by day."""
        self._command("simulate", "rcm", "simulate", "--patients", str(patients))
        self._measure("ingest, first load", "rcm", "ingest")
        self._measure("build, first", "rcm", "run")
        for _ in range(REPEATS):
            self._measure("rcm run, nothing new", "rcm", "run")
        self._measure("rcm run --force, nothing new", "rcm", "run", "--force")
        for day in range(1, days + 1):
            self._command("simulate", "rcm", "simulate", "--day", str(day))
            self._measure("ingest, a day", "rcm", "ingest")
            self._measure("build, a day, with its tests", "rcm", "run")
        for _ in range(REPEATS):
            self._measure(START, "dbt", "--quiet", "build", "--select", "tag:none_has_it")
            self._measure(HAND, sys.executable, "-m", "benchmarks.daily_cost", "--by-hand", str(self.lakehouse))
        self._measure("one headline query", "rcm", "status")

    def lines(self) -> int:
        """Charge lines in bronze, rounded to thousands."""
        with closing(duckdb.connect(str(self._warehouse), read_only=True)) as connection:
            ((lines,),) = connection.execute("select count(*) from silver.stg_transactions").fetchall()
        return int(round(lines, -3))

    @property
    def _warehouse(self) -> Path:
        return self.lakehouse / "warehouse.duckdb"

    def _measure(self, phase: str, *command: str) -> None:
        started = time.perf_counter()
        usage = self._command(phase, *command)
        wall = time.perf_counter() - started
        size = self._warehouse.stat().st_size / 2**20 if self._warehouse.exists() else 0
        cpu = usage.ru_utime + usage.ru_stime
        self.measured.append(Measured(phase, round(wall, 2), round(cpu, 2), round(usage.ru_maxrss / 1024), round(size)))
        sys.stdout.write(f"{phase:<40} {wall:8.1f} s {cpu:8.1f} processor s {usage.ru_maxrss / 1024:7.0f} MiB\n")

    def _command(self, phase: str, *command: str) -> struct_rusage:
        with subprocess.Popen(  # noqa: S603 - ours
            command, cwd=PROJECT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            printed = process.stdout.read() if process.stdout else ""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{phase} failed: {printed[-2000:]}")
        self.is_equal &= "differs" not in printed
        return usage


def by_hand(lakehouse: Path) -> None:
    """Run the hand-written SQL in memory, and compare its A/R with gold's."""
    with closing(duckdb.connect()) as connection:
        load_delta(connection)
        for statement in BY_HAND.read_text(encoding="utf-8").replace("{bronze}", str(lakehouse / "bronze")).split(";"):
            if statement.strip():
                connection.execute(statement)
        found = connection.execute("select sum(balance) from receivables").fetchall()
        connection.execute(f"attach '{lakehouse / 'warehouse.duckdb'}' as warehouse (read_only)")
        gold = connection.execute("select sum(ar_delta_amount) from warehouse.gold.fct_ar_events").fetchall()
        sys.stdout.write("equals gold\n" if found == gold else "differs from gold\n")


def machine() -> dict[str, str]:
    """What the measurements depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("dbt-core", "dbt-duckdb", "duckdb")
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def page(results: Mapping[str, Mapping[str, object]]) -> str:
    """docs/performance.md."""
    parts = [INTRODUCTION.strip()]
    for lines, result in sorted(results.items(), key=lambda item: int(item[0])):
        parts += [f"## {int(lines):,} charge lines", described(result), table(result["phases"])]  # type: ignore[arg-type]
    return "\n\n".join(parts) + "\n"


def described(result: Mapping[str, object]) -> str:
    """Where and when a size was measured."""
    on = ", ".join(f"{name} {value}" for name, value in result["machine"].items())  # type: ignore[attr-defined]
    equal = "equals" if result["receivables_equal_gold"] else "does not equal"
    return f"Measured on {result['measured_on']}: {on}. A/R of the hand-written SQL {equal} gold's to the cent."


def table(phases: Iterable[Mapping[str, float | str]]) -> str:
    """A row per phase."""
    grouped: dict[str, list[Mapping[str, float | str]]] = {}
    for phase in phases:
        grouped.setdefault(str(phase["phase"]), []).append(phase)
    hand, start = (statistics.median(float(one["cpu"]) for one in grouped[name]) for name in (HAND, START))
    lines = [
        "| phase | wall s | processor s | peak MiB | warehouse MiB | to hand-written | to dbt's start |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in grouped.items():
        wall, cpu = ([float(run[what]) for run in runs] for what in ("wall", "cpu"))
        peak, size = (max(float(run[what]) for run in runs) for what in ("peak", "warehouse"))
        ratios = f"{statistics.median(cpu) / hand:.1f} | {statistics.median(cpu) / start:.1f}"
        lines.append(f"| {name} | {_spread(wall)} | {_spread(cpu)} | {peak:.0f} | {size:.0f} | {ratios} |")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    middle = f"{statistics.median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--by-hand", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.by_hand:
        by_hand(given.by_hand)
    else:
        main(given.patients, given.days)
