"""docs/onboarding-a-hospital.md, followed word for word in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/onboarding-a-hospital.md").read_text()
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "lakehouse*", "target", "logs", "site", "node_modules"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy = tmp_path / "project"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
    return copy


def run_in(project: Path, script: str) -> str:
    """Run a script of the page with the tools of this environment and none of the project's variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RCM_", "DBT_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.pipeline
def test_hospital_c_is_onboarded_by_the_page_alone(project: Path) -> None:
    land_files, declare, load_and_build, look = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    (listed,) = re.findall(r"^ +hospital_c: \[.*\]\n", PAGE, re.MULTILINE)
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)

    run_in(project, land_files)
    run_in(project, declare)
    dbt_project = project / "dbt_project.yml"
    before, bronze, after = dbt_project.read_text().partition("    models/bronze:\n")
    dbt_project.write_text(before + bronze + listed + after)
    run_in(project, load_and_build)

    assert run_in(project, look) == shown
    assert list(project.glob("lakehouse/landing/hospital_c/*")) == []
