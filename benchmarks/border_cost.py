"""What the border check costs beside the load it guards: 1,000,000 rows x 21 columns, both in one run.

``python benchmarks/border_cost.py [rows]`` reads a SQLite table to bronze and checks the same part file before its
commit, then prints the seconds of both and their ratio.
"""

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from ingestion.base.storage import Location
from ingestion.bronze import BronzeTable, Draft
from ingestion.bronze.border import BorderResult, check_batch
from ingestion.declared.specs import TableSpec
from ingestion.declared.watermark import Window
from ingestion.sources.database import reading

CHECKS = 5
TYPES = ("string",) * 13 + ("decimal(18,2)",) * 3 + ("date",) * 2 + ("timestamp",) * 2 + ("bigint",)
# The three first columns are required, the fourth has a set of values.
REQUIRED, CODED = 3, 3
CODES = ("open", "paid", "denied", "void")


def main(rows: int) -> None:
    """Load and check one table, and print what each took."""
    table = _table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.db"
        _fill(source, rows)
        bronze = BronzeTable(Location(str(folder / "bronze")), table)
        results: list[BorderResult] = []

        def inspect(draft: Draft) -> tuple[None, list[str]]:
            results.extend(
                check_batch(table, draft.part, draft.rows, [rows] * CHECKS, f"check-{number}")
                for number in range(CHECKS)
            )
            return None, []

        started = time.monotonic()
        with reading.extract(table, f"sqlite:///{source}", Window("full")) as extraction:
            bronze.append(extraction, "benchmark", inspect)
        total = time.monotonic() - started
    if any(result.failures for result in results):
        raise AssertionError("the batch was made to pass")
    check = median(result.seconds for result in results)
    load = total - sum(result.seconds for result in results)
    sys.stdout.write(
        f"{rows:,} rows x {len(TYPES)} columns, {results[0].evaluated} expectations\n"
        f"load without check   {load:6.2f} s\n"
        f"check                {check:6.2f} s  = {check / load:.3f} of the load (median of {CHECKS})\n"
    )


def _table() -> TableSpec:
    columns = [
        {"name": f"Column{index}", "data_type": data_type, "required": index < REQUIRED}
        for index, data_type in enumerate(TYPES)
    ]
    columns[CODED]["allowed"] = CODES
    return TableSpec.model_validate(
        {
            "system": "benchmark",
            "name": "claims",
            "kind": "database",
            "load": {"object": "claims", "mode": "full", "key": ["Column0"]},
            "columns": columns,
            "contract": {"row_count": {"min": 0.5, "max": 2}},
        }
    )


def _fill(path: Path, rows: int) -> None:
    """A table of texts, as the hospitals' databases keep them: ids, codes, amounts, dates."""
    expressions = {
        "string": "'V' || printf('%09d', (n * {salt}) % 999983)",
        "decimal(18,2)": "printf('%.2f', ((n * {salt}) % 10000000) / 100.0)",
        "date": "date('2020-01-01', '+' || ((n * {salt}) % 1500) || ' days')",
        "timestamp": "datetime('2020-01-01', '+' || (n * {salt}) % 99999999 || ' seconds')",
        "bigint": "cast(n * {salt} as text)",
    }
    values = [expressions[data_type].format(salt=7919 + 2 * index) for index, data_type in enumerate(TYPES)]
    codes = " ".join(f"when {number} then '{code}'" for number, code in enumerate(CODES))
    values[CODED] = f"case n % {len(CODES)} {codes} end"
    columns = ", ".join(f"{value} as Column{index}" for index, value in enumerate(values))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "create table claims as with recursive numbers(n) as "
            f"(select 1 union all select n + 1 from numbers where n < {rows}) select {columns} from numbers"
        )
        connection.commit()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
