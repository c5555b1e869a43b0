"""The control table: what is refused, and with which message."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ingestion.base.errors import SpecError
from ingestion.sources.control_table import load_systems
from tests.python.ingestion.conftest import CLAIMS, VISITS, WARDS, Project, source

ROOT = Path(__file__).resolve().parents[3]
Change = Callable[[dict[str, Any]], object]


def problems(project: Project) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_systems(project.root, Path("models/bronze"))
    return caught.value.problems


def meta_of(table: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = table["config"]["meta"]
    return meta


def load_of(table: dict[str, Any]) -> dict[str, Any]:
    load: dict[str, Any] = table["config"]["meta"]["load"]
    return load


@pytest.mark.parametrize("folder", ["models/bronze", "examples/tutorial"])
def test_the_projects_own_control_tables_are_sound(folder: str) -> None:
    systems = load_systems(ROOT, Path(folder))

    assert len({table.label for system in systems for table in system.tables}) >= 11


def test_systems_come_in_the_order_of_the_list_and_others_are_left_alone(project: Project) -> None:
    audit = {"name": "audit", "schema": "audit", "tables": [{"name": "load_log"}]}
    project.declare(
        [
            source("b", "database", "B", "sqlite:///b", [WARDS]),
            source("a", "database", "A", "sqlite:///a", [WARDS]),
            audit,
        ],
        listed={"b": ["wards"], "a": ["wards"]},
    )

    assert [system.name for system in load_systems(project.root, Path("models/bronze"))] == ["b", "a"]


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        (VISITS, lambda t: load_of(t).pop("watermark"), "load.watermark: is missing"),
        (VISITS, lambda t: load_of(t).update(watermark="Nope"), "load.watermark: Nope is not among the declared"),
        (VISITS, lambda t: load_of(t).update(watermark="VisitID"), "load.watermark: column VisitID is a string"),
        (WARDS, lambda t: meta_of(t).update(limits={"x": 2}), "limits.x: is more than 1; write a share, 0.2 for 20 %"),
        (WARDS, lambda t: meta_of(t).update(quarantine={"limt": 0.1}), "quarantine.limt: is no key of the control"),
        (VISITS, lambda t: load_of(t).update(mode="full"), "load.watermark: has no meaning in a full load"),
        (VISITS, lambda t: load_of(t).update(mode="sometimes"), "load.mode: is none of 'full' or 'incremental'"),
        (VISITS, lambda t: load_of(t).update(lag="2 days"), "load.lag: is not an ISO 8601 duration"),
        (VISITS, lambda t: load_of(t).update(key=["Nope"]), "load.key: Nope is not among the declared columns"),
        (VISITS, lambda t: load_of(t).update(key=[]), "load.key: is empty"),
        (VISITS, lambda t: load_of(t).update(key="VisitID"), "load.key: is not a list"),
        (VISITS, lambda t: load_of(t).pop("key"), "load.key: is missing"),
        (VISITS, lambda t: load_of(t).pop("object"), "load.object: is missing; a source of kind database needs it"),
        (VISITS, lambda t: load_of(t).update(files="*.csv"), "load.files: belongs to kind files"),
        (VISITS, lambda t: load_of(t).update(watermrk="x"), "load.watermrk: is no key of the control table"),
        (VISITS, lambda t: load_of(t).update(active="perhaps"), "load.active: is neither true nor false"),
        (VISITS, lambda t: t["config"]["meta"].pop("load"), "load: is missing"),
        (VISITS, lambda t: t["config"]["meta"].update(maps={}), "maps: is no key of the control table"),
        (
            VISITS,
            lambda t: t["columns"][0].update(config={"meta": {"phi": "nam"}}),
            "columns.VisitID.phi: is none of 'name'",
        ),
        (
            VISITS,
            lambda t: t["config"]["meta"].update(severity={"paid_negative": "warning"}),
            "severity.paid_negative: is none of 'reject', 'quarantine', 'warn' or 'ignore'",
        ),
        (VISITS, lambda t: t["columns"][0].update(data_type="text"), "columns.VisitID.data_type: is no known type"),
        (VISITS, lambda t: t["columns"][0].pop("data_type"), "columns.VisitID.data_type: is missing"),
        (VISITS, lambda t: t["columns"].append(t["columns"][0]), "columns: visitid is declared twice"),
        (VISITS, lambda t: t["columns"][1].update(name="_hidden"), "columns: _hidden starts with _"),
        (VISITS, lambda t: t.pop("columns"), "columns: is empty"),
        (VISITS, lambda t: t.update(name="Visits!"), "name: may hold only a-z"),
    ],
)
def test_contradictions_in_a_database_table(project: Project, table: dict[str, Any], change: Change, says: str) -> None:
    broken = deepcopy(table)
    change(broken)
    project.declare([source("emr", "database", "X", "sqlite:///x", [broken])], listed={"emr": ["visits"]})

    reported = problems(project)

    assert reported[0].startswith(f"sources.yml: emr.{broken['name']}: {says}")
    assert not any("\n" in line for line in reported)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["columns"][1].update(data_type="date"), "columns: Amount is a date; files land as text"),
        (lambda t: load_of(t).update(watermark="Amount"), "load.watermark: has no meaning for files"),
        (lambda t: load_of(t).pop("files"), "load.files: is missing"),
        (lambda t: load_of(t).update(files=""), "load.files: is no path below the landing folder"),
        (lambda t: load_of(t).update(files="/claims/*.csv"), "load.files: is no path below the landing folder"),
        (lambda t: load_of(t).update(files="../claims/*.csv"), "load.files: is no path below the landing folder"),
        (lambda t: load_of(t).update(files="archive/*.csv"), "load.files: archive/ is where loaded and rejected"),
        (lambda t: load_of(t).update(files="claims/**.csv"), "load.files: ** stands for folders and must be between"),
    ],
)
def test_contradictions_in_a_table_of_files(project: Project, change: Change, says: str) -> None:
    broken = deepcopy(CLAIMS)
    change(broken)
    project.declare([source("payer", "files", "X", "landing", [broken])])

    assert problems(project)[0].startswith(f"sources.yml: payer.claims: {says}")


def test_all_problems_are_told_at_once(project: Project) -> None:
    visits, wards = deepcopy(VISITS), deepcopy(WARDS)
    load_of(visits).update(key=["Nope"], lag="x")
    load_of(wards).pop("key")
    project.declare([source("emr", "database", "X", "sqlite:///x", [visits, wards])])

    assert len(problems(project)) == 2


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ({}, "emr is missing, which sources.yml declares; add the line 'emr: [wards]' there"),
        ({"emr": []}, "emr.wards is missing, which sources.yml declares; add wards to the list of emr"),
        ({"emr": ["wards", "beds"]}, "emr.beds is listed, but not declared in sources.yml; declare it or take it out"),
        (
            {"emr": ["wards"], "lab": ["tests"]},
            "lab is listed, but no YAML in models/bronze/ declares it; write one, or remove its line from the list",
        ),
        # One slip is one message.
        ({"emr": ["ward"]}, "emr.ward is not declared; did you mean wards, which sources.yml declares?"),
        ({"emrr": ["wards"]}, "emrr is declared by no YAML; did you mean emr, which sources.yml declares?"),
    ],
)
def test_list_and_declarations_must_agree(project: Project, listed: dict[str, list[str]], says: str) -> None:
    project.declare([source("emr", "database", "X", "sqlite:///x", [WARDS])], listed=listed)

    assert problems(project) == [f"dbt_project.yml: vars.systems: models/bronze: {says}"]


def test_two_systems_may_not_share_a_schema(project: Project) -> None:
    second = {**source("b", "database", "B", "sqlite:///b", [WARDS]), "schema": "bronze_a"}
    project.declare([source("a", "database", "A", "sqlite:///a", [WARDS]), second])

    assert problems(project) == ["sources.yml: b: schema bronze_a belongs to a already; give each system its own"]


def test_a_system_declared_twice(project: Project) -> None:
    project.declare([source("a", "database", "A", "x", [WARDS]), source("a", "database", "A", "x", [WARDS])])

    assert problems(project) == ["sources.yml: a: is declared in sources.yml too; keep one"]


def test_an_unknown_kind(project: Project) -> None:
    project.declare([source("a", "ftp", "A", "x", [])])

    assert problems(project) == ["sources.yml: a: config.meta.kind: is none of 'database', 'files' or 'api'"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("sources:\n  - name: a\n   tables: [", "sources.yml, line 3: is not valid YAML"),
        ("sources: {a: b}", "sources.yml: sources: is not a list"),
        (b"\xff\xfe\x00", "sources.yml: cannot be read (UnicodeDecodeError)"),
    ],
)
def test_yaml_that_cannot_be_read(project: Project, content: str | bytes, says: str) -> None:
    project.write("models/bronze/sources.yml", content)

    assert problems(project)[0].startswith(says)


def test_a_folder_that_is_not_there(project: Project) -> None:
    with pytest.raises(SpecError, match="elsewhere: no such folder; set RCM_BRONZE"):
        load_systems(project.root, Path("elsewhere"))


def test_a_project_without_the_list(project: Project) -> None:
    project.write("dbt_project.yml", "name: x\n")

    assert problems(project)[0].startswith("dbt_project.yml: vars.systems: has no list for models/bronze")


def test_codes_limits_and_relations_name_what_the_common_data_model_has(project: Project) -> None:
    project.write(
        "models/silver/cdm/_cdm__models.yml",
        "models: [{name: cdm_wards, columns: [{name: ward_id}, {name: head_id, config: {meta: {references: providers,"
        " relations: [{name: head_retired}]}}}, {name: code, config: {meta: {code_systems: [CPT]}}}]}]",
    )
    wards = deepcopy(WARDS)
    wards["config"]["meta"] |= {
        "severity": {"head_retired": "quarantine", "head_id_not_found": "ignore"},
        "limits": {"head_id_not_found": 0.5, "head_id": 0.5},
        "code_systems": {"code": ["CPT", "ICD-9"], "head_id": "SNOMED"},
    }
    project.declare([source("emr", "database", "X", "sqlite:///x", [wards])], code_systems={"CPT": [], "SNOMED": []})

    assert problems(project) == [
        "sources.yml: emr.wards: limits.head_id: is no relation of wards; did you mean head_retired?",
        "sources.yml: emr.wards: severity.head_retired: judges current records, which are in gold already; it can only "
        "warn or ignore",
        "sources.yml: emr.wards: code_systems.head_id: is no column with codes of wards; there are code",
        "sources.yml: emr.wards: code_systems.code: ICD-9 is no known code system; there are CPT, SNOMED",
    ]


def test_maps_and_severities_name_what_the_common_data_model_has(project: Project) -> None:
    project.write(
        "models/silver/cdm/_cdm__models.yml",
        "models: [{name: cdm_wards, columns: [{name: ward_id}, {name: ward_key, config: {meta: {computed: true}}}]}]",
    )
    project.write(
        "models/silver/staging/_staging__models.yml",
        "models: [{name: stg_wards, config: {meta: {inputs: {ssn: string}, rules: [{name: ward_missing}]}}}]",
    )
    wards = deepcopy(WARDS)
    wards["config"]["meta"]["map"] = {"ward_id": "WardID", "ssn": "X", "ward_key": "WardID"}
    wards["config"]["meta"]["severity"] = {"ward_mising": "warn", "key_missing": "quarantine"}
    project.declare([source("emr", "database", "X", "sqlite:///x", [wards])])

    assert problems(project) == [
        "sources.yml: emr.wards: map.ward_key: is no column of wards; did you mean ward_id?",
        "sources.yml: emr.wards: severity.ward_mising: is no rule of wards; did you mean ward_missing?",
        "sources.yml: emr.wards: map.ssn: X is no declared column; there are Name, WardID",
    ]
