"""dbt-utils where it is installed: its macros and tests take the place of the project's own, and no row changes."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.python.lakehouses import PROJECT, SimulatedDays, Warehouse, with_project

# A folder with the real package; without it the tests write one with the same names and arguments.
REAL = os.environ.get("RCM_TEST_DBT_UTILS")

# Each of these macros leaves its name where it was used.
STUB = """
{% macro default__generate_surrogate_key(field_list) %}
    {%- set texts = [] -%}
    {%- for field in field_list -%}
        {%- do texts.append("coalesce(cast(" ~ field ~ " as text), '_dbt_utils_surrogate_key_null_')") -%}
    {%- endfor -%}
    md5(cast({{ texts | join(" || '-' || ") }} as text)) /* dbt_utils.generate_surrogate_key */
{% endmacro %}

{% macro default__safe_divide(numerator, denominator) %}
    ( {{ numerator }} ) / nullif( ( {{ denominator }} ), 0) /* dbt_utils.safe_divide */
{% endmacro %}

{% macro default__test_expression_is_true(model, expression, column_name) %}
    select 1 from {{ model }} where not({{ expression }}) /* dbt_utils.expression_is_true */
{% endmacro %}

{% macro default__test_unique_combination_of_columns(model, combination_of_columns, quote_columns=false) %}
    {%- set columns = combination_of_columns | join(', ') %}
    select {{ columns }} from {{ model }} group by {{ columns }} having count(*) > 1
    /* dbt_utils.unique_combination_of_columns */
{% endmacro %}
"""


def write_stub(folder: Path) -> Path:
    (folder / "macros").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: dbt_utils\nversion: 0.1.0\nconfig-version: 2\n")
    (folder / "macros" / "dbt_utils.sql").write_text(STUB)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the package."""
    return Path(REAL) if REAL else write_stub(tmp_path / "dbt_utils")


def ask_for_the_package(warehouse: Warehouse, place: str) -> None:
    """What `make dbt-utils FROM=<place>` does before it runs `dbt deps`."""
    script = str(PROJECT / "requirements" / "dbt-utils.sh")
    subprocess.run(["/bin/sh", script, place], cwd=warehouse.project, check=True, capture_output=True)


def users_of(macro: str) -> list[str]:
    """Names of the models whose own SQL calls a macro."""
    models = (PROJECT / "models").rglob("*.sql")
    return sorted(file.stem for file in models if re.search(rf"\b{macro}\(", file.read_text()))


def test_the_package_takes_over_and_changes_no_row(simulated_days: SimulatedDays, folder: Path, tmp_path: Path) -> None:
    warehouse = with_project(simulated_days.copy(0, tmp_path / "lakehouse"), tmp_path / "project")
    before = warehouse.content()
    ask_for_the_package(warehouse, str(folder))
    warehouse.run("dbt", "deps")
    selected = sorted({*users_of("generate_surrogate_key"), *users_of("safe_divide"), "silver.staging", "dq_rules"})
    warehouse.run("dbt", "build", "--full-refresh", "--exclude-resource-type", "unit_test", "--select", *selected)

    assert warehouse.content() == before
    built = json.loads((warehouse.target / "manifest.json").read_text())["nodes"].values()
    compiled = {node["name"]: node["compiled_code"] for node in built if node.get("compiled_code")}
    for model in users_of("generate_surrogate_key"):
        assert "md5(cast(" in compiled[model], model
        assert "md5(coalesce(cast(" not in compiled[model], model
    if not REAL:
        for model in users_of("safe_divide"):
            assert "/* dbt_utils.safe_divide */" in compiled[model], model
        called = {
            test: [node.get("compiled_code") for node in built if (node.get("test_metadata") or {}).get("name") == test]
            for test in ("expression_is_true", "unique_combination_of_columns")
        }
        for test, codes in called.items():
            ran = [code for code in codes if code]
            assert ran, test
            assert all(f"/* dbt_utils.{test} */" in code for code in ran), test


def test_nothing_is_fetched_unless_the_package_is_asked_for(tmp_path: Path) -> None:
    warehouse = with_project(Warehouse(tmp_path / "lakehouse"), tmp_path / "project")
    warehouse.run("dbt", "deps")
    assert list((warehouse.project / "dbt_packages").iterdir()) == []

    # Asked for and not installed, dbt says so and builds nothing with the project's own macros.
    ask_for_the_package(warehouse, "hub")
    said = warehouse.run("dbt", "parse", expect=2)
    assert "1 package(s)" in said
    assert "dbt deps" in said


def test_a_folder_without_a_package_is_refused(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "lakehouse", project=tmp_path)
    with pytest.raises(subprocess.CalledProcessError):
        ask_for_the_package(warehouse, str(tmp_path))
    assert not (tmp_path / "packages.yml").exists()
