"""The project's environment variables: typed, documented, and a misspelt one is reported."""

import re
from pathlib import Path

import pytest

from ingestion.base.errors import SpecError
from ingestion.base.variables import PREFIX, Variables, misspelt_variables

OF_TESTS = ("RCM_KILL_EVERY_LINE", "RCM_KILL_SEED", "RCM_TEST_DBT_UTILS", "RCM_TEST_ENGINE", "RCM_TUTORIAL_DATA")
PROJECT = Path(__file__).parents[3]


def test_an_empty_variable_counts_as_not_set_and_others_have_their_types() -> None:
    variables = Variables.of({"RCM_THREADS": "8", "RCM_TARGET": "", "RCM_SIMULATED_APIS": "false", "HOME": "/root"})
    assert (variables.threads, variables.target, variables.simulated_apis) == (8, "duckdb", False)


@pytest.mark.parametrize("threads", ["0", "-1", "four", "1.5"])
def test_values_of_the_wrong_type_are_named_together_without_them(threads: str) -> None:
    with pytest.raises(SpecError) as caught:
        Variables.of({"RCM_THREADS": threads, "RCM_SIMULATED_APIS": "perhaps"})
    assert caught.value.problems == [
        "environment: RCM_SIMULATED_APIS is neither true nor false; set it to one of them",
        "environment: RCM_THREADS is not a whole number above 0; set it to 4, say",
    ]


def test_no_secret_is_shown() -> None:
    names = ("RCM_PHI_KEY", "RCM_ALERT_URL", "RCM_STORAGE_CONNECTION", "RCM_ICD_CLIENT_SECRET")
    assert "hunter2" not in repr(Variables.of(dict.fromkeys(names, "hunter2")))


def test_a_misspelt_variable_is_reported_with_the_nearest_name() -> None:
    values = {
        "RCM_LAKEHOSE": "/srv/rcm",
        "RCM_HOSPITAL_A_ULR": "sqlite:///a.db",
        "RCM_XYZZY": "1",
        "RCM_HOSPITAL_A_URL": "sqlite:///a.db",
        "RCM_SECRET_EMR": "hunter2",  # pragma: allowlist secret
        **dict.fromkeys(OF_TESTS, "1"),
        "HOME": "/root",
    }
    assert list(misspelt_variables(values, ["RCM_HOSPITAL_A_URL"])) == [
        "environment: RCM_HOSPITAL_A_ULR is not read by anything; did you mean RCM_HOSPITAL_A_URL?",
        "environment: RCM_LAKEHOSE is not read by anything; did you mean RCM_LAKEHOUSE?",
    ]


def test_every_variable_has_a_description_and_is_in_the_documentation() -> None:
    documented = set(re.findall(r"RCM_[A-Z_]*[A-Z]", "".join(page.read_text() for page in PROJECT.glob("docs/*.md"))))
    for name, field in Variables.model_fields.items():
        assert field.description, name
        assert f"{PREFIX}{name.upper()}" in documented


def test_what_dbt_reads_has_the_same_default_there() -> None:
    read: dict[str, set[str]] = {}
    files = [PROJECT / "dbt_project.yml", *PROJECT.glob("profiles/*.yml"), *PROJECT.rglob("macros/**/*.sql")]
    for path in files:
        for name, default in re.findall(r"env_var\('RCM_([A-Z_]+)', '([^']*)'\)", path.read_text()):
            read.setdefault(name.lower(), set()).add(default)
    # Set for a build by ourselves, see rcm/warehouse/left_out.py: nobody else sets it.
    del read["left_out"]
    assert read.keys() <= Variables.model_fields.keys()
    # On Databricks more models are built at once.
    defaults = {name: {str(Variables.model_fields[name].default)} for name in read}
    assert read == defaults | {"threads": {"4", "8"}}
