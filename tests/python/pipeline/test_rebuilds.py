"""The warehouse depends only on bronze: the same however often, in what parts and with which hospitals it is built."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.lakehouses import DAYS, PROJECT, SimulatedDays, Warehouse


@pytest.fixture(scope="module")
def warehouse(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The lakehouse after all days, each loaded and built on its own."""
    return simulated_days.copy(DAYS[-1], tmp_path_factory.mktemp("lakehouse"))


def test_one_build_of_all_days_equals_a_build_a_day(warehouse: Warehouse, tmp_path: Path) -> None:
    """Full refresh equals incremental: bronze alone decides what history and gold hold."""
    rebuilt = Warehouse(tmp_path / "rebuilt")
    shutil.copytree(warehouse.lakehouse / "bronze", rebuilt.lakehouse / "bronze")
    rebuilt.run("dbt", "build")
    incremental = warehouse.content()
    at_once = rebuilt.content()
    different = {name for name in incremental if incremental[name] != at_once.get(name)}
    # dbt stamps no time of its own into what this project keeps, so that nothing may differ.
    assert different == set()


def test_replay_after_compaction_ends_in_the_same_state(warehouse: Warehouse) -> None:
    """What is in one file or in forty, built at once or day by day, is the same."""
    before = warehouse.content()
    compacted = json.loads(warehouse.run("rcm", "maintain", "--json"))
    assert any(table["files_before"] > table["files_after"] for table in compacted)

    warehouse.run("rcm", "replay")

    assert warehouse.content() == before


def test_freshness_is_of_the_load_and_not_of_the_rows(warehouse: Warehouse) -> None:
    """A table in which nothing changed for years is fresh if it was asked today; one that fails grows stale."""
    assert "PASS freshness of hospital_a.departments" in warehouse.run("dbt", "source", "freshness")
    with duckdb.connect(str(warehouse.lakehouse / "warehouse.duckdb")) as connection:
        load_delta(connection)
        connection.execute(
            """
            create or replace view audit.load_log as
            select * replace (
                case when "table" = 'departments' then started_at - interval 4 day else started_at end as started_at
            )
            from delta_scan('%s')
            """
            % (warehouse.lakehouse / "audit" / "load_log")
        )
    printed = warehouse.run("dbt", "source", "freshness", expect=1)
    assert "ERROR STALE freshness of hospital_a.departments" in printed
    assert "PASS freshness of hospital_a.patients" in printed


def gold_of(warehouse: Warehouse, hospital: str) -> dict[str, str]:
    """A hash of one hospital's rows in every gold table that has a hospital."""
    tables = warehouse.query(
        "select table_name from information_schema.columns where table_schema = 'gold' and column_name = 'hospital_key'"
    )
    key = f"(select hospital_key from gold.dim_hospital where hospital_code = '{hospital}')"
    hashed = " union all ".join(
        f"select '{name}', count(*) || ':' || sum(hash(t)) from gold.{name} as t where hospital_key = {key}"
        for (name,) in tables
    )
    return {str(name): str(content) for name, content in warehouse.query(hashed)}


def test_a_new_hospital_leaves_the_gold_of_the_others_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    """Invariant 13: no month, no balance and no KPI of hospital A moves when hospital B joins."""
    systems = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["systems"]
    del systems["models/bronze"]["hospital_b"]
    growing = Warehouse(tmp_path / "growing")
    shutil.copytree(warehouse.lakehouse / "bronze", growing.lakehouse / "bronze")
    growing.run("dbt", "build", "--vars", json.dumps({"systems": systems}))
    alone = gold_of(growing, "hospital_a")
    growing.run("dbt", "build")
    assert gold_of(growing, "hospital_b")["fct_ar_events"].split(":")[0] != "0"
    assert gold_of(growing, "hospital_a") == alone
