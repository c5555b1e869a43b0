"""What a run builds: nothing, what changed tables feed, or everything; what it leaves out would be the same."""

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from ingestion.base.settings import read_settings
from ingestion.sources.control_table import read_control_table
from rcm.warehouse.changes import Scope, read_inputs, scope_of
from rcm.warehouse.last_build import Inputs, LastBuild
from tests.python.lakehouses import PROJECT, SIMULATE, SimulatedDays, Warehouse, with_project

NOTHING = "Nothing to build"
INPUTS = Inputs({"models/a.sql": "1", "models/b.sql": "1"}, "s", {"claims.claims": "4", "emr.visits": None}, "then")
LAST = LastBuild(datetime(2026, 1, 2, 3), (), 0, inputs=INPUTS)


def test_equal_inputs_leave_nothing_to_build() -> None:
    assert scope_of(LAST, INPUTS) == Scope(())
    waits = replace(LAST, failures=("test assert_no_batch_waits_for_a_decision: Circuit breaker: 3 rows",))
    assert scope_of(waits, INPUTS).is_nothing


@pytest.mark.parametrize(
    ("tables", "select"),
    [
        ({"claims.claims": "5", "emr.visits": None}, "source:claims.claims+"),
        ({"claims.claims": "5", "emr.visits": "0"}, "source:claims.claims+ source:emr.visits+"),
        # A restored table has an older version.
        ({"claims.claims": "3", "emr.visits": None}, "source:claims.claims+"),
    ],
)
def test_changed_tables_are_built_with_what_reads_them(tables: Mapping[str, str | None], select: str) -> None:
    assert scope_of(LAST, replace(INPUTS, tables=tables)).select == select


@pytest.mark.parametrize(
    ("last", "inputs", "reason"),
    [
        (None, INPUTS, "nothing was built yet"),
        (replace(LAST, failures=("model a: no",)), INPUTS, "the last build failed"),
        (replace(LAST, inputs=None), INPUTS, "another command built a part since"),
        (LAST, replace(INPUTS, warehouse="later"), "another command built a part since"),
        (LAST, replace(INPUTS, warehouse=None), "another command built a part since"),
        (LAST, replace(INPUTS, settings="t"), "a setting, a key or a version changed"),
        (LAST, replace(INPUTS, files={"models/a.sql": "2"}), "models/a.sql, models/b.sql changed"),
        (LAST, replace(INPUTS, tables={"claims.claims": "4"}), "the list of tables changed"),
    ],
)
def test_everything_is_built_where_the_outcome_is_not_certain(
    last: LastBuild | None, inputs: Inputs, reason: str
) -> None:
    assert scope_of(last, inputs) == Scope(None, reason)


def test_each_run_builds_what_changed_and_leaves_what_a_whole_build_would(
    simulated_days: SimulatedDays, tmp_path: Path
) -> None:
    warehouse = simulated_days.copy(1, tmp_path / "lakehouse")
    assert "a setting, a key or a version changed" in warehouse.run("rcm", "run")
    before, at = warehouse.content(), entries(warehouse)

    assert NOTHING in warehouse.run("rcm", "run")
    assert entries(warehouse) == at

    # What another command built is not taken for granted.
    warehouse.run("dbt", "run", killed_at=40)
    assert "another command built a part since" in warehouse.run("rcm", "run")
    assert warehouse.content() == before

    warehouse.run("rcm", "simulate", *SIMULATE, "--day", "2")
    at = entries(warehouse)
    assert "what depends on claims.claims\n" in warehouse.run("rcm", "run", "--source", "claims")
    later = {name for name, moment in entries(warehouse).items() if moment > at[name]}
    assert {"stg_claims", "claims_history", "fct_claims", "kpi_headline"} <= later
    assert later.isdisjoint({"stg_patients", "stg_transactions", "stg_departments"})
    assert "hospital_a.departments, hospital_a.encounters, hospital_a.patients and " in warehouse.run("rcm", "run")

    found = warehouse.content()
    warehouse.run("rcm", "replay")
    assert warehouse.content() == found
    assert NOTHING in warehouse.run("rcm", "run")


def test_what_a_build_reads_is_what_it_is_made_from(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "lakehouse")
    warehouse.lakehouse.mkdir()
    word = ("models/bronze/claims.yml", "description: ", "description: In short, ")
    project = with_project(warehouse, tmp_path / "project", word)
    inputs = [inputs_of(warehouse, root) for root in (PROJECT, project.project)]

    assert {name for name in inputs[0].files if inputs[0].files[name] != inputs[1].files.get(name)} == {word[0]}
    assert inputs[0].settings == inputs[1].settings
    assert inputs_of(warehouse, PROJECT, RCM_PHI_SCOPE="another").settings != inputs[0].settings
    assert inputs_of(warehouse, PROJECT, RCM_PHI_KEY="b" * 40).settings != inputs[0].settings
    assert inputs_of(warehouse, PROJECT, RCM_ALERT_URL="https://alerts.example").settings == inputs[0].settings


def test_a_table_that_was_made_again_is_another_one_with_the_same_number(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "lakehouse")
    place = warehouse.lakehouse / "bronze" / "claims" / "claims"
    states = []
    for _ in range(2):
        write_deltalake(place, pa.table({"_batch_id": ["b"]}))
        states.append(inputs_of(warehouse, PROJECT).tables["claims.claims"])
        shutil.rmtree(place)

    assert None not in states
    assert states[0] != states[1]


def inputs_of(warehouse: Warehouse, root: Path, **variables: str) -> Inputs:
    with contextlib.chdir(root):
        settings = read_settings({**warehouse.environ(), **variables})
    return read_inputs(settings, read_control_table(root, settings.bronze_dir, settings.values))


def entries(warehouse: Warehouse) -> dict[str, datetime]:
    """When each node was last built."""
    rows = warehouse.query("select node_name, recorded_at from audit.build_log")
    return {str(name): moment for name, moment in rows if isinstance(moment, datetime)}
