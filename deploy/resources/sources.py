"""Adds to the job what the control table declares: its systems, and the secrets of their connections."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from databricks.bundles.core import Bundle, job_mutator
from databricks.bundles.jobs import Job

PROJECT = Path(__file__).parents[2]
CONTROL_TABLE = "models/bronze"


def systems(project: Path = PROJECT) -> list[str]:
    """Names of the systems, in the order of ``vars.systems`` in dbt_project.yml."""
    declared = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    return list(declared["vars"]["systems"][CONTROL_TABLE])


def connections(project: Path = PROJECT) -> list[str]:
    """Environment variables that hold the connections of databases."""
    return sorted(set(_connection_variables(project)))


def _connection_variables(project: Path) -> Iterator[str]:
    for path in sorted((project / CONTROL_TABLE).glob("*.yml")):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            meta = source["config"]["meta"]
            if meta["kind"] == "database":
                yield meta["connection"]["env"]


def secret_of(variable: str) -> str:
    """Name of the secret that holds a connection: RCM_HOSPITAL_A_URL is hospital-a-url."""
    return variable.removeprefix("RCM_").lower().replace("_", "-")


@job_mutator
def add_sources(bundle: Bundle, job: Job) -> Job:
    """The job with one ingestion per system, and the connections as references to secrets."""
    del bundle
    wanted: Any = job
    return replace(
        wanted,
        tasks=[_with_inputs(task) for task in wanted.tasks],
        job_clusters=[_with_connections(cluster) for cluster in wanted.job_clusters],
    )


def _with_inputs(task: Any) -> Any:
    if task.for_each_task is None:
        return task
    return replace(task, for_each_task=replace(task.for_each_task, inputs=json.dumps(systems())))


def _with_connections(cluster: Any) -> Any:
    known = dict(cluster.new_cluster.spark_env_vars)
    added = {name: f"{{{{secrets/${{var.secret_scope}}/{secret_of(name)}}}}}" for name in connections()}
    return replace(cluster, new_cluster=replace(cluster.new_cluster, spark_env_vars={**known, **added}))
