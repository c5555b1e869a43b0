"""What the project lets one set has an effect, and what it lets one select is complete."""

import re
from pathlib import Path

import yaml

from tests.python.lakehouses import PROJECT, Warehouse

# What a build makes; tests and exposures are made of it.
KINDS = ("--resource-type", "model", "--resource-type", "seed", "--resource-type", "snapshot")


def test_every_var_is_read() -> None:
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    folders = ("macros", "models", "snapshots", "tests", "analyses")
    text = "\n".join(path.read_text() for folder in folders for path in (PROJECT / folder).rglob("*.sql"))
    read = set(re.findall(r"\bvar\(\s*'([a-z_]+)'", text))
    assert set(declared) <= read, "a setting without effect misleads whoever sets it"


def test_the_documented_selection_needs_nothing_else(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "lakehouse")

    def listed(selection: str) -> set[str]:
        return set(warehouse.run("dbt", "--quiet", "ls", "--select", selection, *KINDS).split())

    assert listed("silver+") == listed("+silver+"), "dbt build --select silver+ on a fresh checkout lacks a node"
