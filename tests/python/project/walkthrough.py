"""Follows a page of docs/ word for word: its commands are run, its line is added, and what it shows must be printed."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "lakehouse", "lakehouse-*", "target", "logs", "site", "node_modules"
)
BLOCK = re.compile(r"^```(bash|yaml|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LISTED_SYSTEM = re.compile(r" +[a-z_]+: \[[a-z, ]+\]\n")


@dataclass(frozen=True)
class Followed:
    """What came of following a page.

    Args:
        commands: How many blocks of commands were run.
        shown: How many blocks of output were compared.
        listed: How many lines were added to the list of systems.
    """

    commands: int
    shown: int
    listed: int


def copy_of_the_project(folder: Path) -> Path:
    """A fresh copy without data, on the tools of this environment, so that a page's `make` installs nothing."""
    project = folder / "project"
    shutil.copytree(ROOT, project, symlinks=True, ignore=LEFT_OUT)
    (project / ".venv").symlink_to(sys.prefix)
    return project


def follow(page: str, project: Path) -> Followed:
    """Do what a page of docs/ says, from top to bottom.

    A block of `text` shows what the block before it printed. A block of `yaml` that is one line of a system and its
    entities is added to the list of systems; other YAML is an example.
    """
    printed, commands, shown, listed = "", 0, 0, 0
    for kind, text in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if kind == "bash":
            printed = run(project, text)
            commands += 1
        elif kind == "text":
            assert printed == text, f"{page} shows\n{text}and there came\n{printed}"
            shown += 1
        elif LISTED_SYSTEM.fullmatch(text):
            _list(project / "dbt_project.yml", text)
            listed += 1
    return Followed(commands, shown, listed)


def run(project: Path, script: str) -> str:
    """Run commands with the tools of this environment and none of the project's variables; builds leave out tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RCM_", "DBT_", "MAKE"))}
    environment["DBT_EXCLUDE_RESOURCE_TYPES"] = "unit_test test"
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=project, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def _list(dbt_project: Path, line: str) -> None:
    before, bronze, after = dbt_project.read_text(encoding="utf-8").partition("    models/bronze:\n")
    dbt_project.write_text(before + bronze + line + after, encoding="utf-8")
