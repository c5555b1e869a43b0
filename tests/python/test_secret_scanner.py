"""The scanner of `make lint` and of the pre-commit hook finds a planted secret and passes what is in the baseline."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
# Put together here, for the scanner reads this file, too.
PLANTED = {
    "settings.py": "PASSWORD = 'correct-horse" + "-battery'\n",
    "notes.md": "the key is AKIA" + "Q3EGRTYUIOPLKJHG\n",
    "hospital.yml": "url: postgresql://etl:" + "Xk29fjq0@host/db\n",
    "storage.env": "AccountKey=" + "Zm9v" * 21 + "Zg==\n",
}


def lint_command() -> str:
    """The one line of the Makefile that scans."""
    (line,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if "detect-secrets-hook" in line)
    return line.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the baseline and one harmless file."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    shutil.copy(ROOT / ".secrets.baseline", tmp_path)
    (tmp_path / "harmless.py").write_text("URL = 'postgresql://etl:secret://emr-password@host/db'\n")
    return tmp_path


def scan(checkout: Path) -> subprocess.CompletedProcess[str]:
    subprocess.run(["git", "add", "--all"], cwd=checkout, check=True)
    return subprocess.run(["sh", "-c", lint_command()], cwd=checkout, capture_output=True, text=True, timeout=120)


def test_a_reference_to_a_secret_is_none(checkout: Path) -> None:
    done = scan(checkout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found(checkout: Path, name: str) -> None:
    (checkout / name).write_text(PLANTED[name])
    done = scan(checkout)
    assert done.returncode != 0
    assert f"{name}:1" in done.stdout
    assert PLANTED[name].strip() not in done.stdout


def test_the_hook_before_a_commit_is_the_scanner_of_lint() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (entry,) = (hook["entry"] for hook in repository["hooks"] if hook["id"] == "detect-secrets")
    assert entry == f".venv/bin/{lint_command().partition('xargs -0 ')[2]}"


def test_the_baseline_holds_no_path_of_a_machine_and_excludes_no_file() -> None:
    baseline = json.loads((ROOT / ".secrets.baseline").read_text())
    assert not [name for name in baseline["results"] if Path(name).is_absolute()]
    assert "should_exclude_file" not in json.dumps(baseline["filters_used"])
