"""Peak memory of ``rcm ingest`` on one large table: a million rows must fit where ten thousand do.

    python -m benchmarks.load_memory 1000000
    python -m benchmarks.load_memory 1000000 postgresql

Prints the peak of the process for the given rows and for a hundredth of them, of the first load and of two that read
everything again and find nothing new; the difference is what rows cost. PostgreSQL is started here, by the Debian
packages that the tests use.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
TABLE = "transactions"
POLL_SECONDS = 0.05
# A full read compares what it brings with what bronze holds as a whole, a range drops the rows that bronze knows.
READS = (("first load", ()), ("all again", ("--full",)), ("a range again", ("--since", "2000-01-01")))


def main(rows: int, engine: str) -> None:
    """Load one table, small and large, each into a lakehouse of its own."""
    with tempfile.TemporaryDirectory() as name:
        for count in (rows // 100, rows):
            folder = Path(name) / str(count)
            folder.mkdir()
            with ENGINES[engine](folder, count) as url:
                for what, options in READS:
                    seconds, peak = _ingest(folder, url, options)
                    sys.stdout.write(f"{count:>9,} rows, {what:<13}  {seconds:6.2f} s  peak {peak:4.0f} MiB\n")


def _columns() -> dict[str, str]:
    """Hospital A's widest table, 21 columns and their types, from its declaration."""
    declared = yaml.safe_load((PROJECT / "models/bronze/hospital_a.yml").read_text(encoding="utf-8"))
    [table] = [entry for entry in declared["sources"][0]["tables"] if entry["name"] == TABLE]
    return {column["name"]: column["data_type"] for column in table["columns"]}


@contextmanager
def _sqlite(folder: Path, rows: int) -> Iterator[str]:
    values = {
        "date": "date('2024-01-01', '+' || (n % 366) || ' days')",
        "timestamp": "datetime('2024-01-01', '+' || (n % 8784) || ' hours')",
        "decimal(18,2)": "round(n % 100000 / 100.0, 2)",
        "string": "'{name}-' || n",
    }
    columns = ", ".join(f"{values[kind].format(name=name)} as {name}" for name, kind in _columns().items())
    counted = f"with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {rows})"
    with closing(sqlite3.connect(folder / "source.db")) as connection, connection:
        connection.execute(f"create table {TABLE} as {counted} select {columns} from numbers")
    yield f"sqlite:///{folder / 'source.db'}"


@contextmanager
def _postgresql(_folder: Path, rows: int) -> Iterator[str]:
    from tests.python.ingestion.postgres_server import start_postgres

    values = {
        "date": "date '2024-01-01' + n % 366",
        "timestamp": "timestamp '2024-01-01' + make_interval(hours => n % 8784)",
        "decimal(18,2)": "(n % 100000 / 100.0)::numeric(18,2)",
        # Without a declared length: the driver's buffer is widest then.
        "string": "'{name}-' || n",
    }
    columns = ", ".join(f'{values[kind].format(name=name)} as "{name}"' for name, kind in _columns().items())
    with start_postgres() as server:
        server.sql(f"create table {TABLE} as select {columns} from generate_series(1, {rows}) as n")
        yield server.url


ENGINES = {"sqlite": _sqlite, "postgresql": _postgresql}


def _ingest(folder: Path, url: str, options: tuple[str, ...]) -> tuple[float, float]:
    """Seconds and peak MiB of the process of ``rcm``."""
    environment = {**os.environ, "RCM_LAKEHOUSE": str(folder / "lakehouse"), "RCM_HOSPITAL_A_URL": url}
    command = [str(Path(sys.executable).with_name("rcm")), "ingest", "-s", "hospital_a", "-t", TABLE, *options]
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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2] if len(sys.argv) > 2 else "sqlite")
