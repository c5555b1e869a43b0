"""The project parses on dbt 2.x as it is; dbt 2.x runs nothing of it here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.lakehouses import PROJECT

UV = Path(sys.executable).with_name("uv")
PINNED = PROJECT / "requirements/dbt-2.txt"
FOLDERS = ("models", "macros", "seeds", "snapshots", "tests", "analyses", "examples", "profiles")
TIMEOUT = 240
# Whatever a profile must name; no connection is made.
DATABRICKS = {"DATABRICKS_HOST": "https://nowhere.example", "DATABRICKS_HTTP_PATH": "/sql", "DATABRICKS_TOKEN": "none"}

pytestmark = pytest.mark.skipif(not UV.is_file(), reason="component uv is not installed")


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=PROJECT, env=variables or None, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of dbt 2.x, in an environment of its own."""
    folder = tmp_path_factory.mktemp("dbt_2")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    run(
        UV,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--python",
        folder / "bin/python",
        "--requirement",
        PINNED,
    )
    return folder / "bin/dbt"


# The session method of the target spark does not exist in dbt 2.x.
@pytest.mark.parametrize("target", ["duckdb", "databricks"])
def test_it_parses_every_resource_without_a_warning(dbt: Path, tmp_path: Path, target: str) -> None:
    # A copy, because dbt 2.x unpacks macros into the project and adds them to its .gitignore.
    for folder in FOLDERS:
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "dbt_project.yml", tmp_path)
    places = ("--project-dir", tmp_path, "--profiles-dir", tmp_path / "profiles")
    run(dbt, "parse", "--warn-error", "--target", target, *places, HOME=str(tmp_path), **DATABRICKS)

    manifest = json.loads((tmp_path / "target/manifest.json").read_text())
    assert manifest["metadata"]["dbt_version"].startswith("2.")
    parsed = {node["name"] for node in manifest["nodes"].values()}
    files = {path.stem for folder in ("models", "snapshots", "analyses") for path in PROJECT.glob(f"{folder}/**/*.sql")}
    assert files <= parsed
    assert len(manifest["semantic_models"]) == 8
    assert {"ar_balance", "gross_days_in_ar", "denial_rate", "payments"} <= {
        metric["name"] for metric in manifest["metrics"].values()
    }
