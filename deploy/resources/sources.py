"""Adds to the job what the control table declares: its systems, and the secrets of their connections."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from databricks.bundles.core import Bundle, job_mutator
from databricks.bundles.jobs import Job, JobDict

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
    return Job.from_dict(with_sources(job.as_dict()))


def with_sources(job: JobDict) -> JobDict:
    """The same job, written as in YAML, with what the control table declares."""
    filled: dict[str, Any] = copy.deepcopy(dict(job))
    for task in filled["tasks"]:
        if "for_each_task" in task:
            task["for_each_task"]["inputs"] = json.dumps(systems())
    for cluster in filled["job_clusters"]:
        for name in connections():
            secret = f"{{{{secrets/${{var.secret_scope}}/{secret_of(name)}}}}}"
            cluster["new_cluster"]["spark_env_vars"][name] = secret
    return cast(JobDict, filled)
