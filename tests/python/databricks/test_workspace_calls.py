"""The calls of a deployment, by databricks-sdk against minilake, a stub of a workspace that enforces nothing."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.jobs import JobSettings

from ingestion.base.errors import SecretError
from ingestion.base.secret_store import reveal
from tests.python.databricks.test_bundle import read, resources

VALUES = {
    "catalog": "rcm_test",
    "lakehouse": "abfss://lake@example.dfs.core.windows.net/rcm",
    "landing": "abfss://landing@example.dfs.core.windows.net",
    "service_principal": "00000000-0000-0000-0000-000000000001",
    "alert_email": "data@example.com",
    "alert_webhook_id": "hook",
}


@dataclass(frozen=True)
class Workspace:
    """A running minilake.

    Args:
        url: Where it answers.
        client: Signed in to it.
    """

    url: str
    client: WorkspaceClient


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("minilake")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MINILAKE", "DATABRICKS"))}
    command = [str(Path(sys.executable).parent / "minilake"), "--port", str(port)]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env={**environment, "HOME": str(folder)}, stdout=log, stderr=log
        ) as server,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(url, server, folder / "log")
            yield Workspace(url, WorkspaceClient(host=url, token="opens-nothing", auth_type="pat"))
        finally:
            server.terminate()


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers, whatever it answers; at most a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def resolved(value: object) -> object:
    """A resource of the bundle as the CLI would send it: variables replaced."""
    defaults = {name: entry.get("default", "x") for name, entry in read("databricks.yml")["variables"].items()}
    values = {**defaults, **VALUES}
    if isinstance(value, dict):
        return {key: resolved(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    if isinstance(value, str):
        value = re.sub(r"\$\{var\.(\w+)\}", lambda found: str(values[found[1]]), value)
        value = re.sub(r"\$\{resources\.\w+\.(\w+)\.(\w+)\}", r"\1", value)
        return re.sub(r"\$\{(bundle\.target|workspace\.\w+)\}", "test", value)
    return value


def resource(kind: str, name: str) -> dict[str, Any]:
    return cast(
        dict[str, Any], resolved(next(entry for its, named, entry in resources() if (its, named) == (kind, name)))
    )


def test_catalog_schemas_and_grants(workspace: Workspace) -> None:
    client, catalog = workspace.client, resource("catalogs", "rcm")
    client.catalogs.create(name=catalog["name"], comment=catalog["comment"])
    client.schemas.create(name="governance", catalog_name=catalog["name"])
    assert client.schemas.get(f"{catalog['name']}.governance").catalog_name == "rcm_test"
    client.grants.update(
        "catalog",
        catalog["name"],
        changes=[
            PermissionsChange(principal=grant["principal"], add=[Privilege(name) for name in grant["privileges"]])
            for grant in catalog["grants"]
        ],
    )
    held = client.grants.get("catalog", catalog["name"]).privilege_assignments or []
    assert {
        (grant.principal, frozenset(privilege.value for privilege in grant.privileges or [])) for grant in held
    } == {(grant["principal"], frozenset(grant["privileges"])) for grant in catalog["grants"]}


def test_every_privilege_is_one_of_unity_catalog() -> None:
    for _, _, entry in resources():
        for grant in entry.get("grants", []):
            assert {Privilege(name) for name in grant["privileges"]}


def test_the_job_is_taken_and_given_back(workspace: Workspace) -> None:
    sent = resource("jobs", "nightly")
    wanted = JobSettings.from_dict(sent)
    assert wanted.tasks is not None
    created = workspace.client.jobs.create(
        name=wanted.name, tasks=wanted.tasks, schedule=wanted.schedule, email_notifications=wanted.email_notifications
    )
    assert created.job_id is not None
    settings = workspace.client.jobs.get(created.job_id).settings
    assert settings is not None
    assert settings.name == "rcm-nightly-test"
    assert [task.task_key for task in settings.tasks or []] == ["ingest", "build", "docs"]
    assert settings.schedule is not None
    assert settings.schedule.quartz_cron_expression == "0 15 2 * * ?"


def test_secrets_go_in_and_come_out_only_inside_a_job(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    client, scope = workspace.client, resource("secret_scopes", "rcm")["name"]
    client.secrets.create_scope(scope)
    client.secrets.put_secret(scope, "hospital-a-url", string_value="the word is tulip")
    assert [secret.key for secret in client.secrets.list_secrets(scope)] == ["hospital-a-url"]
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "opens-nothing")
    environment = {"RCM_SECRETS": f"databricks://{scope}"}
    with pytest.raises(SecretError, match="some workspaces do so only inside a job") as refused:
        reveal("secret://hospital-a-url", environment)
    assert "tulip" not in str(refused.value)
