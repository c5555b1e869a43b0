"""No tagged source column reaches a place that must be free of it: read off the compiled SQL, column by column."""

import copy
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import sqlglot
import yaml
from sqlglot import exp

from ingestion.declared.common_data_model import read_common_data_model
from ingestion.declared.specs import Phi
from tests.python.lakehouses import PROJECT, Warehouse
from tests.python.project.column_lineage import Columns, NotUnderstoodError, Taint, column_taints

# Where patients are identified: the restricted part of silver, and history. Everything else must be free of values.
IDENTIFIED = ("silver/staging/", "silver/intermediate/", "silver/cdm/")
DEIDENTIFIED = "silver_deid"
CONTROL_TABLES = ("models/bronze", "examples/tutorial")

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """dbt's manifest with compiled SQL, as for a first build and as for every later one."""
    warehouse = Warehouse(tmp_path_factory.mktemp("lineage"))
    warehouse.run("dbt", "--quiet", "build")
    compiled = []
    for options in (["--full-refresh"], []):
        warehouse.run("dbt", "--quiet", "compile", *options)
        compiled.append(json.loads((warehouse.target / "manifest.json").read_text()))
    return compiled


def leaks(manifest: Manifest, found: dict[str, Columns]) -> list[str]:
    """Every column that holds what it must not, in words."""
    return [
        f"{node['name']}.{column}: {problem}"
        for unique_id, node in manifest["nodes"].items()
        if unique_id in found
        for column, taints in found[unique_id].items()
        if (problem := _problem(node, column, taints, manifest))
    ]


def _problem(node: Manifest, column: str, taints: frozenset[Taint], manifest: Manifest) -> str:
    values = {taint for taint in taints if not taint.is_pseudonym}
    pseudonyms = taints - values
    if node["schema"] == DEIDENTIFIED:
        return f"is computed from {_names(taints)}" if taints else ""
    if node["resource_type"] == "snapshot" or node["path"].startswith(IDENTIFIED):
        tag = _cdm_meta(node, manifest).get(column, {}).get("phi")
        untagged = {taint for taint in values if taint.kind != tag}
        intermediate = node["path"].startswith("silver/intermediate/")
        return f"holds {_names(untagged)} and is not tagged so" if untagged and not intermediate else ""
    if values:
        return f"holds {_names(values)}"
    if pseudonyms and not column.endswith("_key"):
        return f"is no key and holds a hash of {_names(pseudonyms)}"
    return ""


def _names(taints: frozenset[Taint] | set[Taint]) -> str:
    return ", ".join(sorted({taint.origin for taint in taints}))


def _cdm_meta(node: Manifest, manifest: Manifest) -> dict[str, dict[str, Any]]:
    entity = node["name"].removeprefix("stg_").removeprefix("cdm_").removesuffix("_history")
    said = manifest["nodes"].get(f"model.{node['package_name']}.cdm_{entity}", node)
    return {name: column["config"]["meta"] for name, column in said["columns"].items()}


def test_no_tagged_column_reaches_what_is_free_of_patients(manifests: list[Manifest]) -> None:
    found: dict[str, Columns] = {}
    for manifest in manifests:
        found = column_taints(manifest, PROJECT, found)
        assert leaks(manifest, found) == []
    # What the reading says nothing about, it did not look at.
    patients = found["model.rcm.cdm_patients"]
    assert {taint.kind for taint in patients["first_name"]} == {"name"}
    assert {(taint.kind, taint.is_pseudonym) for taint in patients["ssn_hmac"]} == {("ssn", True), ("hash", True)}
    assert {taint.kind for taint in found["model.rcm.fct_transactions"]["patient_version_key"]} >= {"record_number"}


PATIENTS = "from warehouse.silver.cdm_patients"


@pytest.mark.parametrize(
    ("model", "sql", "caught"),
    [
        ("dim_patient", f"select upper(first_name) as sex {PATIENTS}", "dim_patient.sex: holds hospital_a"),
        ("dim_patient", f"select case when sex = 'male' then birth_date end as valid_from {PATIENTS}", "DOB"),
        ("dim_patient", f"select p.* {PATIENTS} as p", "dim_patient.phone: holds"),
        ("kpi_payer_mix", f"select 1 as n, (select max(last_name) {PATIENTS}) as payer_group", "payer_group: holds"),
        (
            "fct_encounters",
            f"with a as (select sex as s {PATIENTS} union all select address {PATIENTS}),"
            " b as (select lag(s) over (order by s) as s from a) select concat('x', b.s) as age_band from b",
            "age_band: holds hospital_a.patients.Address",
        ),
        ("dim_patient", f"select ssn_hmac as state {PATIENTS}", "state: is no key and holds a hash of"),
        ("quarantine", f"select concat_ws('; ', 'bad', phone) as reasons {PATIENTS}", "reasons: holds"),
        ("dq_rule_results", f"select max_by(postal_code, modified_at) as rule_name {PATIENTS}", "rule_name: holds"),
        ("deid_patients", f"select patient_key as patient_surrogate_id {PATIENTS}", "PatientID"),
        ("deid_patients", f"select md5(source_system) as patient_surrogate_id {PATIENTS}", "computed from a hash"),
        ("deid_patients", f"select substr(phone, 1, 3) as zip3 {PATIENTS}", "PhoneNumber"),
        ("cdm_patients", "select SSN as state from warehouse.bronze_hospital_a.patients", "state: holds hospital_a"),
    ],
)
def test_a_planted_leak_is_caught(manifests: list[Manifest], model: str, sql: str, caught: str) -> None:
    planted = _about_patients(manifests[0], model, sql)
    found = column_taints(planted, PROJECT)
    assert any(caught in leak for leak in leaks(planted, found)), leaks(planted, found)


@pytest.mark.parametrize(
    ("model", "sql"),
    [
        (
            "dim_patient",
            f"select count(distinct first_name) as patients, first_name is null as is_odd {PATIENTS} group by 2",
        ),
        ("dim_patient", f"select case when year(birth_date) < 1950 then 'old' else 'young' end as age_band {PATIENTS}"),
        (
            "dim_patient",
            f"select md5(patient_id) as patient_key, state, sex {PATIENTS} where phone like '%1' order by phone",
        ),
        ("deid_patients", f"select cast(uuid() as string) as patient_surrogate_id, sex {PATIENTS}"),
    ],
)
def test_what_tells_nobody_anything_is_no_leak(manifests: list[Manifest], model: str, sql: str) -> None:
    planted = _about_patients(manifests[0], model, sql)
    assert leaks(planted, column_taints(planted, PROJECT)) == []


def test_sql_that_cannot_be_read_is_no_pass(manifests: list[Manifest]) -> None:
    planted = _about_patients(manifests[0], "dim_patient", "select no_such_column from warehouse.silver.cdm_patients")
    with pytest.raises(NotUnderstoodError, match="dim_patient"):
        column_taints(planted, PROJECT)


def test_a_tag_that_is_missing_in_the_common_data_model_is_caught(manifests: list[Manifest]) -> None:
    manifest = copy.deepcopy(manifests[0])
    del manifest["nodes"]["model.rcm.cdm_patients"]["columns"]["first_name"]["config"]["meta"]["phi"]
    manifest = _about_patients(manifest, None, "")
    assert (
        "cdm_patients.first_name: holds hospital_a.patients.FirstName, hospital_b.patients.F_Name and is not tagged so"
        in (leaks(manifest, column_taints(manifest, PROJECT)))
    )


def _about_patients(manifest: Manifest, model: str | None, sql: str) -> Manifest:
    """The manifest with only what is above the patients, and one model that reads something else than it did."""
    unique_id = f"model.rcm.{model}"
    kept = ("model.rcm.stg_patients", "snapshot.rcm.patients_history", "model.rcm.cdm_patients", unique_id)
    nodes = {name: copy.deepcopy(node) for name, node in manifest["nodes"].items() if name in kept}
    if model is not None:
        nodes[unique_id]["compiled_code"] = sql
        above = "source.rcm.hospital_a.patients" if "bronze" in sql else "model.rcm.cdm_patients"
        nodes[unique_id]["depends_on"]["nodes"] = [above]
    return {**manifest, "nodes": nodes}


@pytest.mark.parametrize("control_table", CONTROL_TABLES)
def test_maps_and_tags_agree(control_table: str) -> None:
    """What a tagged source column is mapped to carries its tag, and what carries a tag comes from a tagged one."""
    problems = list(_disagreements(control_table))
    assert problems == []


def _disagreements(control_table: str) -> Iterator[str]:
    tags, declassified = _cdm_tags()
    inputs = {"patients": {"ssn": "ssn"}}
    for path in sorted((PROJECT / control_table).glob("*.yml")):
        for system in yaml.safe_load(path.read_text())["sources"]:
            for table in system["tables"]:
                tagged = {
                    column["name"]: column.get("config", {}).get("meta", {}).get("phi") for column in table["columns"]
                }
                for name, expression in table["config"]["meta"]["map"].items():
                    used = {column.name for column in sqlglot.parse_one(str(expression)).find_all(exp.Column)}
                    kinds = {tagged[column] for column in used & set(tagged)} - {None}
                    tag = inputs.get(table["name"], {}).get(name, tags.get(table["name"], {}).get(name))
                    allowed = {tag} | declassified.get((table["name"], name), set())
                    where = f"{path.name}: {table['name']}.{name}"
                    if kinds - allowed:
                        yield f"{where} holds {kinds - allowed} and is tagged {tag}"
                    if tag is not None and tag not in kinds:
                        yield f"{where} is tagged {tag}, and no source column of it is"


def _cdm_tags() -> tuple[dict[str, dict[str, str]], dict[tuple[str, str], set[str]]]:
    models = yaml.safe_load((PROJECT / "models/silver/cdm/_cdm__models.yml").read_text())["models"]
    tags: dict[str, dict[str, str]] = {}
    declassified: dict[tuple[str, str], set[str]] = {}
    for model in models:
        entity = model["name"].removeprefix("cdm_")
        for column in model["columns"]:
            meta = column.get("config", {}).get("meta", {})
            if "phi" in meta:
                tags.setdefault(entity, {})[column["name"]] = meta["phi"]
            declassified[entity, column["name"]] = set(meta.get("declassified", {}))
    return tags, declassified


def test_the_entities_with_tags_are_those_of_the_common_data_model() -> None:
    assert set(_cdm_tags()[0]) <= set(read_common_data_model(PROJECT).columns)


def test_failing_rows_of_tests_are_kept_nowhere(manifests: list[Manifest]) -> None:
    tests = [node for node in manifests[0]["nodes"].values() if node["resource_type"] == "test"]
    assert tests
    assert not [node["name"] for node in tests if node["config"].get("store_failures")]


def test_the_page_lists_every_kind_of_tag_and_every_declassified_column(manifests: list[Manifest]) -> None:
    page = (PROJECT / "docs/phi.md").read_text()
    assert not [kind for kind in get_args(Phi) if f"`{kind}`" not in page]
    declassified = [
        f"`{node['name']}.{name}`"
        for node in manifests[0]["nodes"].values()
        for name, column in node.get("columns", {}).items()
        if column["config"]["meta"].get("declassified")
    ]
    assert len(declassified) >= 3
    assert not [column for column in declassified if column not in page]
