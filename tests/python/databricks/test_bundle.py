"""The asset bundle, by the classes of databricks-bundles: what they refuse, the Databricks CLI refuses."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any, cast

import pytest
import yaml
from databricks.bundles.catalogs import Catalog
from databricks.bundles.core import Bundle
from databricks.bundles.external_locations import ExternalLocation
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.sql_warehouses import SqlWarehouse
from databricks.bundles.volumes import Volume

from tests.python.lakehouses import PROJECT

BUNDLE = PROJECT / "deploy"
KINDS: dict[str, Any] = {
    "jobs": Job,
    "catalogs": Catalog,
    "schemas": Schema,
    "external_locations": ExternalLocation,
    "secret_scopes": SecretScope,
    "sql_warehouses": SqlWarehouse,
    "volumes": Volume,
}
ROOT_KEYS = {"bundle", "sync", "include", "python", "artifacts", "variables", "targets"}
TARGET_KEYS = {"mode", "default", "workspace", "run_as", "variables"}
ENVIRONMENTS = ["dev", "test", "prod"]


def read(name: str) -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load((BUNDLE / name).read_text()))


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in sorted((BUNDLE / "resources").glob("*.yml")):
        for kind, named in yaml.safe_load(path.read_text())["resources"].items():
            for name, resource in named.items():
                yield kind, name, resource


@pytest.fixture(scope="module")
def sources() -> ModuleType:
    """The mutator, from its file: the bundle's folder is not a package of the project."""
    spec = importlib.util.spec_from_file_location("deploy_sources", BUNDLE / "resources/sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def job() -> dict[str, Any]:
    return next(resource for kind, name, resource in resources() if (kind, name) == ("jobs", "nightly"))


def test_every_resource_is_what_databricks_takes() -> None:
    found = list(resources())
    assert {kind for kind, _, _ in found} == set(KINDS)
    for kind, _, resource in found:
        assert is_dataclass(KINDS[kind].from_dict(resource))


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("tasks", 1), {"run_iff": "ALL_DONE"}),
        (("tasks", 1), {"run_if": "ALWAYS"}),
        (("tasks", 1, "dbt_task"), {"command": []}),
        (("schedule",), {"pause_status": "OFF", "time_zone": "UTC"}),
        ((), {"email_notification": {}}),
    ],
)
def test_a_typo_is_refused(place: tuple[Any, ...], wrong: dict[str, Any]) -> None:
    spoiled = job()
    inner: Any = spoiled
    for step in place:
        inner = inner[step]
    inner.update(wrong)
    with pytest.raises((ValueError, TypeError)):
        Job.from_dict(cast(Any, spoiled))


def test_a_missing_field_is_refused() -> None:
    with pytest.raises((ValueError, TypeError)):
        ExternalLocation.from_dict(cast(Any, {"name": "bronze", "credential_name": "lake"}))


def test_the_root_has_known_keys_and_three_environments() -> None:
    root = read("databricks.yml")
    assert set(root) == ROOT_KEYS
    assert list(root["targets"]) == ENVIRONMENTS
    for name, target in root["targets"].items():
        assert set(target) <= TARGET_KEYS
        assert target["variables"]["catalog"] == f"rcm_{name}"
        assert set(target["variables"]) <= set(root["variables"])
    assert [name for name, target in root["targets"].items() if target.get("default")] == ["dev"]
    unattended = [target for target in root["targets"].values() if target["mode"] == "production"]
    assert all(target["run_as"] == {"service_principal_name": "${var.service_principal}"} for target in unattended)
    assert len(unattended) == 2


def test_every_variable_is_declared_and_used() -> None:
    declared = set(read("databricks.yml")["variables"])
    texts = [path.read_text() for path in [BUNDLE / "databricks.yml", *(BUNDLE / "resources").glob("*.*")]]
    used = {name for text in texts for name in re.findall(r"\$\{+var\.(\w+)\}", text)}
    assert used == declared


def test_references_to_resources_exist() -> None:
    names = {(kind, name) for kind, name, _ in resources()}
    for path in (BUNDLE / "resources").glob("*.yml"):
        for kind, name in re.findall(r"\$\{resources\.(\w+)\.(\w+)\.", path.read_text()):
            assert (kind, name) in names


def test_the_job_loads_builds_and_documents() -> None:
    tasks = {task["task_key"]: task for task in job()["tasks"]}
    assert list(tasks) == ["ingest", "build", "docs"]
    assert tasks["build"]["depends_on"] == [{"task_key": "ingest"}]
    assert tasks["docs"]["depends_on"] == [{"task_key": "build"}]
    # A source that fails keeps no other from being built.
    assert tasks["build"]["run_if"] == "ALL_DONE"
    assert tasks["ingest"]["for_each_task"]["task"]["max_retries"] == 2
    assert tasks["build"]["max_retries"] == 0


def test_ingestion_runs_once_per_system_of_the_one_list(sources: ModuleType) -> None:
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["systems"]["models/bronze"]
    bundle = Bundle(target="prod")
    added = sources.add_sources.function(bundle, Job.from_dict(cast(Any, job())))
    ingest = added.tasks[0].for_each_task
    assert ingest.inputs == str(list(declared)).replace("'", '"')
    assert ingest.task.python_wheel_task.parameters[:3] == ["ingest", "--source", "{{input}}"]
    environment = added.job_clusters[0].new_cluster.spark_env_vars
    assert environment["RCM_HOSPITAL_A_URL"] == "{{secrets/${var.secret_scope}/hospital-a-url}}"
    assert environment["RCM_SECRETS"] == "databricks://${var.secret_scope}"  # pragma: allowlist secret
    assert added.as_dict()["tasks"][1:] == job()["tasks"][1:]


def test_no_secret_stands_in_the_bundle() -> None:
    for name, value in job()["job_clusters"][0]["new_cluster"]["spark_env_vars"].items():
        if re.search("SECRET$|TOKEN|PASSWORD|KEY", name):
            assert re.fullmatch(r"\{\{secrets/.+\}\}", value)


def test_the_groups_are_those_of_the_declaration() -> None:
    variables = read("databricks.yml")["variables"]
    passed = job()["environment_variables"][0]["spec"]["variables"]
    project = (PROJECT / "dbt_project.yml").read_text()
    for name in ("engineers", "finance_analysts", "ai_engineers"):
        assert f"env_var('RCM_{name.upper()}', '{variables[name]['default']}')" in project
        assert passed[f"RCM_{name.upper()}"] == f"${{var.{name}}}"


def test_the_wheel_of_the_job_is_this_project() -> None:
    wheel = job()["tasks"][0]["for_each_task"]["task"]["python_wheel_task"]
    project = (PROJECT / "pyproject.toml").read_text()
    assert wheel["package_name"].replace("_", "-") in project
    assert f'{wheel["entry_point"]} = "rcm.cli:main"' in project
