"""Grants, masks and tags of Unity Catalog against the one place where each is declared."""

import re
from typing import Any

import pytest
import yaml

from tests.python.databricks.conftest import Recording
from tests.python.lakehouses import PROJECT

ENGINEERS, FINANCE, AI = "rcm_engineers", "rcm_finance_analysts", "rcm_ai_engineers"
READERS = {
    "gold": {ENGINEERS, FINANCE},
    "silver_deid": {ENGINEERS, AI},
    "silver": {ENGINEERS},
    "history": {ENGINEERS},
    "deid_keys": {ENGINEERS},
    "audit": {ENGINEERS},
    "ledger": {ENGINEERS},
}


def readers_of(schema: str) -> set[str]:
    return {ENGINEERS} if schema.startswith("bronze_") else READERS[schema]


def tagged(columns: list[dict[str, Any]]) -> dict[str, str]:
    """The tags of columns, as the YAML has them."""
    metas = {column["name"]: column.get("config", {}).get("meta", {}) for column in columns}
    return {name: meta["phi"] for name, meta in metas.items() if "phi" in meta}


@pytest.fixture(scope="module")
def declared() -> dict[str, dict[str, str]]:
    """Tagged columns of every table that holds identified records, read from the YAML and not from dbt."""
    tables = {}
    for path in (PROJECT / "models/bronze").glob("*.yml"):
        for system in yaml.safe_load(path.read_text())["sources"]:
            for table in system["tables"]:
                tables[f"bronze_{system['name']}.{table['name']}"] = tagged(table["columns"])
    models = yaml.safe_load((PROJECT / "models/silver/cdm/_cdm__models.yml").read_text())["models"]
    for model in models:
        entity = model["name"].removeprefix("cdm_")
        tables[f"silver.stg_{entity}"] = tables[f"history.{entity}_history"] = tagged(model["columns"])
    return {name: tags for name, tags in tables.items() if tags}


def test_every_tagged_column_is_masked_and_tagged_and_no_other(
    recording: Recording, declared: dict[str, dict[str, str]]
) -> None:
    assert len(declared) >= 19
    masked = {place: set(masks) for place, masks in recording.catalog["masks"].items()}
    assert masked == {place: set(tags) for place, tags in declared.items()}
    assert recording.catalog["tags"] == {
        place: {column: ["phi", tag] for column, tag in tags.items()} for place, tags in declared.items()
    }


def test_a_mask_has_the_type_of_its_column(recording: Recording) -> None:
    for place, masks in recording.catalog["masks"].items():
        for column, function in masks.items():
            kind = recording.catalog["relations"][place][column]
            assert function.endswith(f"mask_{kind}"), f"{place}.{column}: {function}"


def test_masks_show_clear_values_to_engineers_only(recording: Recording) -> None:
    functions = [statement.sql for statement in recording.statements if " function " in statement.sql]
    assert functions
    for sql in functions:
        assert re.search(r"return case when is_account_group_member\('rcm_engineers'\) then value end$", sql)


def test_what_is_in_place_is_not_set_again(recording: Recording) -> None:
    again = [statement.sql for statement in recording.statements if statement.build and "ALTER COLUMN" in statement.sql]
    assert again == []


def test_gold_and_deid_hold_no_tagged_column_and_need_no_mask(
    recording: Recording, declared: dict[str, dict[str, str]]
) -> None:
    names = {column for place, tags in declared.items() if place.startswith("history.") for column in tags}
    for place, columns in recording.catalog["relations"].items():
        if place.startswith(("gold.", "silver_deid.")):
            assert not names & set(columns), place
            assert place not in recording.catalog["masks"], place


def test_deidentified_rows_are_tables(recording: Recording) -> None:
    """A mask asks who reads, through views as well: AI engineers would read NULL where engineers read a year."""
    deid = [place for place in recording.catalog["relations"] if place.startswith("silver_deid.")]
    assert len(deid) == 4
    assert not set(deid) & set(recording.catalog["views"])


def test_each_layer_is_read_by_its_groups_and_nobody_else(recording: Recording) -> None:
    grants = {place: {tuple(grant) for grant in held} for place, held in recording.catalog["grants"].items()}
    for place in recording.catalog["relations"]:
        schema, name = place.split(".")
        if schema and schema in READERS and schema not in ("audit", "ledger"):
            held = grants[f"`rcm_dev`.`{schema}`.`{name}`"]
            assert held == {(group, "SELECT") for group in readers_of(schema)}, place
    for place, held in grants.items():
        if place.startswith("schema"):
            schema = place.split("`")[3]
            privileges = {"USE SCHEMA"} | ({"SELECT"} if schema.startswith(("bronze", "audit", "ledger")) else set())
            assert held == {(group, privilege) for group in readers_of(schema) for privilege in privileges}, place


def test_what_was_granted_by_hand_is_taken_back(recording: Recording) -> None:
    revoked = [statement.sql for statement in recording.statements if statement.sql.lower().startswith("revoke")]
    assert [sql.split(" from ")[1] for sql in revoked] == ["`account users`", "`account users`"]
    assert {sql.split(" on ")[1].split(" from ")[0] for sql in revoked} == {
        "schema `rcm_dev`.`gold`",
        "`rcm_dev`.`history`.`patients_history`",
    }


def test_the_readers_of_schemas_are_those_of_the_declaration() -> None:
    project = (PROJECT / "dbt_project.yml").read_text()
    for variable, group in (("ENGINEERS", ENGINEERS), ("FINANCE_ANALYSTS", FINANCE), ("AI_ENGINEERS", AI)):
        assert f"env_var('RCM_{variable}', '{group}')" in project
