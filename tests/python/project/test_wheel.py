"""The wheel, installed without the repository: it contains what it needs, and loads without dbt."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
UV = Path(sys.executable).with_name("uv")
TIMEOUT = 240

pytestmark = pytest.mark.skipif(not UV.is_file(), reason="component uv is not installed")


@dataclass(frozen=True)
class Installed:
    """A virtual environment that holds the wheel, its base dependencies, and nothing else."""

    wheel: Path
    python: Path
    project: Path
    elsewhere: Path

    def rcm(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command in a folder that is no project."""
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        return subprocess.run(
            [self.python.with_name("rcm"), *arguments],
            cwd=self.elsewhere,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def names(self) -> list[str]:
        """Files of the wheel."""
        with zipfile.ZipFile(self.wheel) as archive:
            return archive.namelist()


def uv(*arguments: str) -> None:
    done = subprocess.run([UV, *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    python = folder / "environment" / "bin" / "python"
    uv("venv", "--quiet", "--python", sys.executable, str(folder / "environment"))
    uv("pip", "install", "--quiet", "--python", str(python), str(wheel))
    # What a team has that keeps its own declarations: the dbt project without this package's code.
    project = folder / "project"
    shutil.copytree(ROOT / "models", project / "models")
    shutil.copy(ROOT / "dbt_project.yml", project)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Installed(wheel, python, project, elsewhere)


def test_the_wheel_holds_the_packages_and_the_files_they_read_and_no_tests(installed: Installed) -> None:
    held = [name for name in installed.names() if ".dist-info/" not in name]
    packages = {"ingestion", "simulator"}
    expected = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in held if name.split("/")[0] in packages} == expected
    assert not [name for name in held if name.split("/")[0] in ("tests", "models", "docs", "benchmarks")]


def test_the_installed_command_shows_its_help(installed: Installed) -> None:
    shown = installed.rcm("--help")
    assert shown.returncode == 0
    assert "ingest" in shown.stdout
    assert installed.rcm("--version").stdout.startswith("rcm ")


def test_outside_of_a_project_it_says_how_to_name_one(installed: Installed) -> None:
    lost = installed.rcm("plan")
    assert lost.returncode == 2
    assert "next: name the project's folder with --project-dir or RCM_PROJECT" in lost.stderr


def test_it_loads_a_project_that_a_variable_or_an_option_names_without_dbt(installed: Installed) -> None:
    named = {"RCM_PROJECT": str(installed.project)}
    simulated = installed.rcm("simulate", "--patients", "100", **named)
    assert simulated.returncode == 0, simulated.stderr

    loaded = installed.rcm("ingest", "--source", "hospital_a", "--json", **named)
    assert loaded.returncode == 0, loaded.stderr
    results: list[dict[str, Any]] = json.loads(loaded.stdout)["results"]
    committed = {result["table"]: result["rows_written"] for result in results if result["status"] == "committed"}
    assert committed["patients"] >= 100
    assert (installed.project / "lakehouse" / "bronze" / "hospital_a" / "patients" / "_delta_log").is_dir()

    again = installed.rcm("ingest", "-s", "hospital_a", "--project-dir", str(installed.project))
    assert "Nothing new arrived" in again.stdout

    code = (
        "import importlib.util as u, sys; sys.exit(any(u.find_spec(name) for name in ('dbt', 'pyspark', 'streamlit')))"
    )
    assert subprocess.run([installed.python, "-c", code], check=False).returncode == 0


def test_to_build_it_says_what_to_install(installed: Installed) -> None:
    built = installed.rcm("replay", RCM_PROJECT=str(installed.project))
    assert built.returncode == 1
    assert "error: dbt is not installed" in built.stderr
    assert "next: pip install 'rcm-lakehouse[duckdb]'" in built.stderr
