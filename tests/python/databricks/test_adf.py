"""The pipeline template for Azure Data Factory, against the part of its format that it uses."""

import copy
import json
import re
from typing import Any

import jsonschema
import pytest

from tests.python.lakehouses import PROJECT

FOLDER = PROJECT / "deploy/adf"
TEMPLATE: dict[str, Any] = json.loads((FOLDER / "nightly.json").read_text())
SCHEMA: dict[str, Any] = json.loads((FOLDER / "subset.schema.json").read_text())


def resource(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in TEMPLATE["resources"] if entry["type"].endswith(f"/{kind}"))
    return found


def test_the_template_has_the_documented_shape() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(TEMPLATE, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("resources", 1, "properties", "activities", 0, "typeProperties"), {"jobID": "1"}),
        (("resources", 1, "properties", "activities", 0), {"type": "DatabricksJobs"}),
        (("resources", 1, "properties", "activities", 1, "dependsOn", 0), {"dependencyConditions": ["Failure"]}),
        (("resources", 1, "properties", "activities", 0, "policy"), {"timeout": "6h"}),
        (("resources", 2, "properties", "typeProperties", "recurrence"), {"frequency": "Daily"}),
        ((), {"contentversion": "1.0.0.0"}),
    ],
)
def test_a_typo_is_refused(place: tuple[Any, ...], wrong: dict[str, Any]) -> None:
    spoiled = copy.deepcopy(TEMPLATE)
    inner: Any = spoiled
    for step in place:
        inner = inner[step]
    inner.update(wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoiled, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_every_parameter_is_used_and_every_one_used_is_declared() -> None:
    text = json.dumps({key: value for key, value in TEMPLATE.items() if key != "parameters"})
    assert set(re.findall(r"\[?parameters\('(\w+)'\)", text)) == set(TEMPLATE["parameters"])


def test_references_name_what_is_deployed() -> None:
    names = {entry["name"].split("/")[1].split("'")[0] for entry in TEMPLATE["resources"]}
    activities = resource("pipelines")["properties"]["activities"]
    assert {
        found["linkedServiceName"]["referenceName"] for found in activities if "linkedServiceName" in found
    } <= names
    pipelines = resource("triggers")["properties"]["pipelines"]
    assert {found["pipelineReference"]["referenceName"] for found in pipelines} <= names
    known = {found["name"] for found in activities}
    assert {before["activity"] for found in activities for before in found["dependsOn"]} <= known


def test_a_failed_job_fails_the_run_after_somebody_was_told() -> None:
    activities = {found["name"]: found for found in resource("pipelines")["properties"]["activities"]}
    reported = activities["tell_of_failure"]
    assert reported["dependsOn"] == [{"activity": "run_nightly_job", "dependencyConditions": ["Failed"]}]
    assert activities["fail_the_run"]["dependsOn"][0]["activity"] == "tell_of_failure"
    assert reported["policy"]["secureInput"] is True
    assert TEMPLATE["parameters"]["alertWebhookUrl"]["type"] == "securestring"


def test_no_secret_and_no_account_stands_in_the_template() -> None:
    text = json.dumps(TEMPLATE)
    assert not re.search(r"dapi[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}|adb-\d+|/subscriptions/", text)
