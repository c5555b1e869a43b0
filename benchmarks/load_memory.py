"""Peak memory of ``rcm ingest`` on one large table: a million rows must fit where ten thousand do.

    python benchmarks/load_memory.py 1000000

Prints the peak of the process for the given rows and for a hundredth of them; the difference is what rows cost.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
TABLE = "transactions"
POLL_SECONDS = 0.05


def main(rows: int) -> None:
    """Load one table twice, small and large, each into a lakehouse of its own."""
    with tempfile.TemporaryDirectory() as name:
        for count in (rows // 100, rows):
            folder = Path(name) / str(count)
            folder.mkdir()
            _fill(folder / "source.db", count)
            seconds, peak = _ingest(folder)
            sys.stdout.write(f"{count:>9,} rows  {seconds:6.2f} s  peak {peak:4.0f} MiB\n")


def _fill(source: Path, rows: int) -> None:
    """Hospital A's widest table, 21 columns, from its declaration."""
    declared = yaml.safe_load((PROJECT / "models/bronze/hospital_a.yml").read_text(encoding="utf-8"))
    [table] = [entry for entry in declared["sources"][0]["tables"] if entry["name"] == TABLE]
    values = {
        "date": "date('2024-01-01', '+' || (n % 366) || ' days')",
        "timestamp": "datetime('2024-01-01', '+' || (n % 8784) || ' hours')",
        "decimal(18,2)": "round(n % 100000 / 100.0, 2)",
        "string": "'{name}-' || n",
    }
    columns = ", ".join(
        f"{values[column['data_type']].format(name=column['name'])} as {column['name']}" for column in table["columns"]
    )
    counted = f"with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {rows})"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute(f"create table {TABLE} as {counted} select {columns} from numbers")


def _ingest(folder: Path) -> tuple[float, float]:
    """Seconds and peak MiB of the process of ``rcm``, without the worker of the border check."""
    environment = {
        **os.environ,
        "RCM_LAKEHOUSE": str(folder / "lakehouse"),
        "RCM_HOSPITAL_A_URL": f"sqlite:///{folder / 'source.db'}",
    }
    command = [str(Path(sys.executable).with_name("rcm")), "ingest", "-s", "hospital_a", "-t", TABLE]
    started = time.monotonic()
    peak = 0.0
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        # What the system tells at the end would count the worker, which the process waits for.
        while process.poll() is None:
            peak = max(peak, _highest_memory(process.pid))
            time.sleep(POLL_SECONDS)
    if process.returncode:
        raise AssertionError("rcm ingest failed")
    return time.monotonic() - started, peak


def _highest_memory(process_id: int) -> float:
    """Most memory that a process of this machine held so far, in MiB; Linux only."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
