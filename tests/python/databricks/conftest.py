"""The project as dbt-databricks builds it, recorded once for all tests of this folder."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.python.databricks.recorded_catalog import LAKEHOUSE, Statement
from tests.python.lakehouses import PROJECT


@dataclass(frozen=True)
class Recording:
    """What two builds sent to the warehouse, and what Unity Catalog holds after them.

    Args:
        manifest: dbt's, for the target databricks.
        statements: All statements in order.
        catalog: Relations with their columns, views, masks, tags and grants, by schema and name.
    """

    manifest: dict[str, Any]
    statements: list[Statement]
    catalog: dict[str, Any]

    def of(self, name: str, build: int) -> str:
        """The statements of one model or snapshot in one build, as one text."""
        return "\n;\n".join(
            statement.sql
            for statement in self.statements
            if statement.build == build and statement.node is not None and statement.node.endswith(f".{name}")
        )


def databricks_environment(folder: Path) -> dict[str, str]:
    """The environment of a dbt command for the target databricks; the host answers nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RCM_", "DATABRICKS_"))}
    return {
        **kept,
        "RCM_TARGET": "databricks",
        "RCM_LAKEHOUSE": LAKEHOUSE,
        "DBT_PROFILES_DIR": str(PROJECT / "profiles"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DATABRICKS_HOST": "127.0.0.1:1",
        "DATABRICKS_HTTP_PATH": "/sql/1.0/warehouses/none",
        "DATABRICKS_TOKEN": "none",
        "NO_COLOR": "1",
    }


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Two builds against the recorded catalog, in a process of their own: dbt keeps its adapter per process."""
    folder = tmp_path_factory.mktemp("databricks")
    done = subprocess.run(
        [sys.executable, "-m", "tests.python.databricks.recorded_catalog", str(folder / "recording.json")],
        cwd=PROJECT,
        env=databricks_environment(folder),
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    recorded = json.loads((folder / "recording.json").read_text())
    return Recording(
        manifest=json.loads((folder / "target/manifest.json").read_text()),
        statements=[Statement(**statement) for statement in recorded.pop("statements")],
        catalog=recorded,
    )
