"""The workflows of GitHub Actions: well formed, pinned, without secrets, and running what is there."""

import re
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import yaml

from tests.python.lakehouses import PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
# The part of GitHub's workflow syntax that is used here; an unknown key is an error.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "on", "permissions", "jobs"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "on": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "pull_request": {},
                "push": {"type": "object", "propertyNames": {"enum": ["branches", "tags", "paths"]}},
                "workflow_dispatch": {"type": "object", "propertyNames": {"enum": ["inputs"]}},
                "workflow_call": {"type": "object", "propertyNames": {"enum": ["inputs"]}},
            },
        },
        "permissions": {"$ref": "#/$defs/permissions"},
        "concurrency": {"type": "object", "propertyNames": {"enum": ["group", "cancel-in-progress"]}},
        "env": {"type": "object"},
        "jobs": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z_]+$"},
            "additionalProperties": {
                "type": "object",
                "oneOf": [{"required": ["runs-on", "timeout-minutes", "steps"]}, {"required": ["uses", "permissions"]}],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "runs-on": {"type": "string", "pattern": r"^ubuntu-\d\d\.\d\d$"},
                    "timeout-minutes": {"type": "integer", "maximum": 60},
                    "environment": {"type": "string"},
                    "needs": {"type": "string"},
                    "uses": {"type": "string", "pattern": r"^\./\.github/workflows/[a-z-]+\.yml$"},
                    "with": {"type": "object"},
                    "permissions": {"$ref": "#/$defs/permissions"},
                    "env": {"type": "object"},
                    "strategy": {"type": "object", "propertyNames": {"enum": ["matrix", "fail-fast", "max-parallel"]}},
                    "steps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
                },
            },
        },
    },
    "$defs": {
        "permissions": {
            "type": "object",
            "propertyNames": {"enum": ["contents", "actions", "id-token"]},
            "additionalProperties": {"enum": ["read", "write"]},
        },
        "step": {
            "type": "object",
            "oneOf": [{"required": ["uses"]}, {"required": ["run", "name"]}],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "id": {"type": "string"},
                "if": {"type": "string"},
                "uses": {"type": "string", "pattern": r"^[\w-]+/[\w-]+@[0-9a-f]{40}$"},
                "with": {"type": "object"},
                "env": {"type": "object"},
                "run": {"type": "string"},
                "working-directory": {"type": "string"},
            },
        },
    },
}


def read(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the key `on` as a boolean.
    loaded["on"] = loaded.pop(True)
    return cast(dict[str, Any], loaded)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_workflow_is_well_formed_and_its_actions_are_pinned(path: Path) -> None:
    jsonschema.validate(read(path), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_job_that_holds_the_token_installs_nothing() -> None:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            if "id-token" not in job.get("permissions", {}) or "uses" in job:
                continue
            used = {step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step}
            assert used == {"actions/checkout", "actions/download-artifact"}, f"{path.name}: {name}"
            commands = "\n".join(step.get("run", "") for step in job["steps"])
            assert not re.search(r"\b(make|pip|uv|npm|apt-get|curl|wget)\b", commands), f"{path.name}: {name}"
    bundle = yaml.safe_load((PROJECT / "deploy/databricks.yml").read_text())
    assert all(artifact["build"].startswith(".venv/bin/python") for artifact in bundle["artifacts"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_secret_is_named_and_nothing_written_by_others_is_run(path: Path) -> None:
    text = path.read_text()
    assert "secrets." not in text
    for job in read(path)["jobs"].values():
        for step in job.get("steps", []):
            # What a pull request says is passed by the environment, never pasted into a command.
            assert not re.search(r"\$\{\{\s*(github\.(event|head_ref)|inputs|steps)", step.get("run", "")), step["name"]


def test_steps_run_what_the_project_has() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for path in WORKFLOWS:
        for job in read(path)["jobs"].values():
            for step in job.get("steps", []):
                for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
                    assert target in targets, f"{path.name}: make {target}"


def test_a_pull_request_is_checked_by_everything_asked_for() -> None:
    runs = "\n".join(
        step.get("run", "")
        for job in read(PROJECT / ".github/workflows/pull-request.yml")["jobs"].values()
        for step in job.get("steps", [])
    )
    for command in (
        "sqlfluff lint",
        "dbt build",
        "--select state:modified+ --defer --state",
        "models/bronze",
        "rcm parity duckdb sail",
        "dbt parse --show-all-deprecations --warn-error",
        "make docs",
        ".ci/run",
    ):
        assert command in runs


def test_a_deployment_needs_a_tag_an_environment_and_no_stored_secret() -> None:
    workflow = read(PROJECT / ".github/workflows/deploy.yml")
    assert list(workflow["on"]["push"]) == ["tags"]
    assert {name: job["with"]["environment"] for name, job in workflow["jobs"].items()} == {
        "test": "test",
        "prod": "prod",
    }
    assert workflow["jobs"]["prod"]["needs"] == "test"
    job = read(PROJECT / ".github/workflows/deploy-to.yml")["jobs"]["deploy"]
    assert job["environment"] == "${{ inputs.environment }}"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert job["env"]["DATABRICKS_AUTH_TYPE"] == "github-oidc"
    commands = [step.get("run", "") for step in job["steps"]]
    validate = next(index for index, command in enumerate(commands) if "bundle validate" in command)
    assert "bundle deploy" in commands[validate + 1]
    needed = {
        name
        for name, entry in yaml.safe_load((PROJECT / "deploy/databricks.yml").read_text())["variables"].items()
        if "default" not in entry and name != "catalog"
    }
    assert needed == {name.removeprefix("BUNDLE_VAR_") for name in job["env"] if name.startswith("BUNDLE_VAR_")}
