"""The whole project on Spark: models, merges, snapshots, contracts and all tests, with the numbers of DuckDB."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.lakehouses import PROJECT

# Four builds of everything, one after the other.
pytestmark = pytest.mark.timeout(3600)

LAYERS = {"silver", "history", "gold"}


# make test-spark names Apache Spark, which lives in an environment of its own.
ENGINE = os.environ.get("RCM_TEST_ENGINE", "sail")


def test_two_days_on_spark_equal_those_on_duckdb_to_the_last_row(tmp_path: Path) -> None:
    lakehouse = tmp_path / "lakehouse"
    command = [str(Path(sys.executable).parent / "rcm"), "parity", "duckdb", ENGINE]
    done = subprocess.run(
        [*command, "--days", "1", "--folder", str(lakehouse), "--json"],
        cwd=PROJECT,
        # The heap that Apache Spark has to do with, whatever this machine has; Sail has none.
        env={**os.environ, "DBT_PROFILES_DIR": str(PROJECT / "profiles"), "SPARK_DRIVER_MEMORY": "2g"},
        capture_output=True,
        text=True,
        timeout=3500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-4000:]
    days = json.loads(done.stdout)
    assert [day["day"] for day in days] == [0, 1]
    for day in days:
        tables = {table["table"]: table for table in day["tables"]}
        assert {name.partition(".")[0] for name in tables} == LAYERS
        assert {"gold.fct_ar_events", "gold.kpi_headline", "history.claims_history", "silver.quarantine"} <= set(tables)
        assert all(table["hashes"][0] == table["hashes"][1] != "" for table in tables.values())
    # The second day came on top of the first: the ledger grew, and no table was left empty by both engines alike.
    events = [{table["table"]: table["rows"] for table in day["tables"]} for day in days]
    assert 0 < events[0]["gold.fct_ar_events"] < events[1]["gold.fct_ar_events"]
    assert events[0]["history.transactions_history"] < events[1]["history.transactions_history"]
    # Delta tables, each in its place below the lakehouse.
    for table in ("silver/stg_claims", "history/claims_history", "gold/fct_ar_events", "gold/kpi_headline"):
        assert (lakehouse / "spark" / table / "_delta_log").is_dir()
