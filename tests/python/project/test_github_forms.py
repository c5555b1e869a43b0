"""The forms of .github/ISSUE_TEMPLATE: GitHub shows none of them if one is invalid."""

from pathlib import Path

import pytest
import yaml

FORMS = sorted((Path(__file__).resolve().parents[3] / ".github/ISSUE_TEMPLATE").glob("*.yml"))
KINDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"], ids=lambda form: form.stem)
def test_form_has_what_github_asks_of_it(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    asked = [field for field in content["body"] if field["type"] != "markdown"]

    assert {"name", "description", "body"} <= set(content)
    assert {field["type"] for field in content["body"]} <= KINDS
    assert len({field["id"] for field in asked}) == len(asked) > 0
    assert all(field["attributes"]["label"] for field in asked)
    assert all(field["attributes"]["options"] for field in asked if field["type"] in ("dropdown", "checkboxes"))


def test_who_reports_a_defect_or_a_source_says_that_no_patient_is_in_it() -> None:
    for form in ("bug", "source"):
        (path,) = (path for path in FORMS if path.stem == form)
        (promise,) = (field for field in yaml.safe_load(path.read_text())["body"] if field["type"] == "checkboxes")
        assert all(option["required"] for option in promise["attributes"]["options"])
