"""A mistake in one system's declaration is named, with its file and key, and leaves the other systems."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ingestion.declared.control_table import ControlTable
from ingestion.sources.control_table import read_control_table
from tests.python.ingestion.conftest import CLAIMS, VISITS, WARDS, Project, source

CDM = """
models:
  - name: cdm_visits
    columns:
      - {name: source_system, data_type: string}
      - {name: visit_id, data_type: string}
      - {name: visit_date, data_type: date}
      - {name: amount, data_type: "decimal(18,2)"}
      - {name: note, data_type: string}
"""
STAGING = "models: [{name: stg_visits, config: {meta: {key_columns: [source_system, visit_id]}}}]"


@pytest.fixture
def modelled(project: Project) -> Project:
    """A project whose common data model has visits."""
    project.write("models/silver/cdm/_cdm__models.yml", CDM)
    project.write("models/silver/staging/_staging__models.yml", STAGING)
    return project


def control(project: Project, **environment: str) -> ControlTable:
    return read_control_table(project.root, Path("models/bronze"), environment)


def visits(**changes: str) -> dict[str, Any]:
    """Visits with expressions in the map; one that is empty takes the entry out."""
    table = deepcopy(VISITS)
    mapped = {"visit_id": "VisitID", "visit_date": "VisitDate", "amount": "Amount", **changes}
    table["config"]["meta"]["map"] = {name: text for name, text in mapped.items() if text}
    return table


def declare(project: Project, *tables: dict[str, Any]) -> None:
    """One hospital per table, each with a database of its own."""
    project.declare([source(f"h{n}", "database", f"H{n}", f"sqlite:///h{n}", [t]) for n, t in enumerate(tables)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("VisitDaet", "VisitDaet is no declared column; did you mean VisitDate?"),
        ("upper(Visit_ID)", "upper(Visit_ID): Visit_ID is no declared column; did you mean VisitID?"),
        ('"visit id"', '"visit id": visit id is no declared column; did you mean VisitID?'),
        ("zzz", "zzz is no declared column; there are Amount, ModifiedDate, VisitDate, VisitID"),
        ("uper(VisitID)", "uper(VisitID): there is no function uper; did you mean upper?"),
        ("Visit Date", "Visit Date: is no SQL expression (syntax error near Date); quote names with blanks"),
        ("concat(VisitID", "concat(VisitID: is no SQL expression (syntax error"),
        ("'open", "'open: is no SQL expression"),
        ("VisitID -- x", "VisitID -- x: is no SQL expression"),
        ("upper(Amount)", "upper(Amount): does not fit its columns (No function matches the given name"),
        ("sum(Amount)", "sum(Amount): does not fit its columns (WHERE clause cannot contain aggregates"),
        ("row_number() over ()", "row_number() over (): does not fit its columns"),
        ("cast(VisitID as date)", "cast(VisitID as date): fails at a value that it cannot read, which would stop"),
        ("VisitID::decimal", "VisitID::decimal: fails at a value that it cannot read"),
        ("strptime(VisitID, '%Y')", "strptime(VisitID, '%Y'): fails at a value that it cannot read"),
        ("(select 1 from h1.wards)", "(select 1 from h1.wards): does not fit its columns"),
    ],
)
def test_an_expression_that_does_not_bind_is_named_with_key_and_nearest_name(
    modelled: Project, text: str, says: str
) -> None:
    declare(modelled, visits(note=text), visits())

    found = control(modelled)

    assert [system.name for system in found.systems] == ["h1"]
    assert found.not_built == ("h0",)
    [line] = found.problems
    assert line.startswith(f"sources.yml: h0.visits: map.note: {says}")
    assert "\n" not in line


@pytest.mark.parametrize(
    "text",
    [
        "visitid",
        "_source_file",
        "try_cast(VisitID as date)",
        "concat_ws(', ', VisitID, cast(Amount as string))",
        "nullif(regexp_extract(VisitID, ' ([A-Z]{2})', 1), '')",
        "case when Amount < 0 then 'credit' end",
        "cast(VisitDate as timestamp)",
        "'constant'",
        "{{ var('x') }}",
    ],
)
def test_expressions_that_bind_are_left_alone(modelled: Project, text: str) -> None:
    declare(modelled, visits(note=text))

    assert control(modelled).problems == ()


def test_another_engine_has_functions_of_its_own_and_the_same_columns(modelled: Project) -> None:
    declare(modelled, visits(note="date_format(VisitDate, 'yyyy')"), visits(note="initcap(VisitI)"))

    assert control(modelled, RCM_TARGET="spark").not_built == ()
    declare(modelled, visits(note="upper(VisitI)"))
    assert control(modelled, RCM_TARGET="spark").not_built == ("h0",)


def test_a_map_without_the_key_and_a_value_that_is_none_of_its_type(modelled: Project) -> None:
    keyless, typed = visits(visit_id=""), visits()
    typed["columns"][1]["config"] = {"meta": {"allowed": ["1.00", "free"]}}
    unknown = {**deepcopy(WARDS), "name": "visit"}
    declare(modelled, keyless, typed, unknown)

    assert list(control(modelled).problems) == [
        "sources.yml: h0.visits: map.visit_id: is missing; it identifies a record, name the source column that holds "
        "it",
        "sources.yml: h1.visits: columns.Amount.allowed: 'free' is no decimal(18,2); correct one of the two",
        "sources.yml: h2.visit: is no entity of the common data model; did you mean visits?",
    ]


def labelled(name: str, label: str, url: str, table: dict[str, Any]) -> dict[str, Any]:
    declared = source(name, "database", f"{name.upper()}_URL", url, [table])
    declared["config"]["meta"]["label"] = label
    return declared


@pytest.mark.parametrize("label", ["North", "north", " NORTH "])
def test_a_label_names_one_hospital(project: Project, label: str) -> None:
    project.declare([labelled("b", label, "sqlite:///b", WARDS), labelled("a", "North", "sqlite:///a", WARDS)])

    found = control(project)

    # The one that was listed first keeps it.
    assert found.not_built == ("a",)
    assert found.problems[0].startswith("sources.yml: a: label North belongs to b (sources.yml) already")


@pytest.mark.parametrize(
    ("first", "second", "environment"),
    [
        (("sqlite:///x/emr.db", "wards"), ("sqlite:///x/./emr.db", "main.WARDS"), {}),
        (("postgresql://a@db/emr", "wards"), ("postgresql+adbc://b:c@DB/emr?sslmode=require", '"public"."wards"'), {}),
        (("sqlite:///a", "wards"), ("sqlite:///b", "wards"), {"B_URL": "sqlite:///a"}),
        (("Driver={X};Server=s", "dbo.wards"), ("driver={x};server=s", "[wards]"), {}),
    ],
)
def test_no_table_is_read_for_two_hospitals(
    project: Project, first: Sequence[str], second: Sequence[str], environment: dict[str, str]
) -> None:
    tables = []
    for name, (url, place) in zip("ab", (first, second), strict=True):
        table = deepcopy(WARDS)
        table["config"]["meta"]["load"]["object"] = place
        tables.append(labelled(name, name, url, table))
    project.declare(tables)

    found = control(project, **environment)

    assert found.not_built == ("b",)
    assert found.problems[0].startswith(
        "sources.yml: b.wards: reads the same as a.wards (sources.yml), so that records"
    )


def test_one_table_may_feed_two_entities_of_a_hospital_and_two_schemas_are_two_tables(project: Project) -> None:
    beds = {**deepcopy(WARDS), "name": "beds"}
    other = deepcopy(WARDS)
    other["config"]["meta"]["load"]["object"] = "b.wards"
    project.declare(
        [
            source("a", "database", "A_URL", "sqlite:///a", [WARDS, beds]),
            source("b", "database", "B_URL", "sqlite:///a", [other]),
        ]
    )

    assert control(project).problems == ()


def test_a_file_that_cannot_be_read_leaves_out_its_own_systems_and_those_it_may_hold(project: Project) -> None:
    project.declare([source("a", "database", "A_URL", "sqlite:///a", [WARDS])], listed={"a": ["wards"], "b": ["wards"]})
    path = project.write("models/bronze/b.yml", "sources:\n  - name: b\n   tables: [")

    found = control(project)

    assert ([system.name for system in found.systems], found.not_built) == (["a"], ("b",))
    assert found.unreadable == (path,)
    assert found.left_out["b"] == found.problems
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    "broken", ["{tables: []}", "{name: b, tables: [{name: x}, {name: x}]}", "{name: b, tables: [x]}"]
)
def test_what_dbt_could_not_read_either_is_kept_from_it(project: Project, broken: str) -> None:
    project.declare([source("a", "database", "A_URL", "sqlite:///a", [WARDS])], listed={"a": ["wards"], "b": ["wards"]})
    text = broken.replace("{", "{config: {meta: {kind: database}}, ", 1)
    path = project.write("models/bronze/b.yml", f"sources: [{text}]")

    found = control(project)

    assert ([system.name for system in found.systems], found.not_built) == (["a"], ("b",))
    assert found.unreadable == (path,)


def test_a_file_of_an_unlisted_hospital_is_refused_until_the_hospital_is_listed(project: Project) -> None:
    claims = deepcopy(CLAIMS)
    claims["config"]["meta"]["map"] = {"source_system": "regexp_extract(_source_file, '([a-z]+)_claims', 1)"}
    sources = [
        source("north", "database", "N_URL", f"sqlite:///{project.database}", [WARDS]),
        source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [claims]),
    ]
    project.sql("insert into wards values ('W1', 'Ward')")
    listed = {"north": ["wards"], "payer": ["claims"]}
    project.declare(sources, listed=listed)
    for name in ("north", "south", "payer", "2025"):
        project.drop(f"claims/{name}_claims.csv", f"ClaimID,Amount\nC-{name},1.00\n")

    refused = {result.source_file: result for result in project.ingest().results if result.status == "failed"}

    assert {name: result.error_class for name, result in refused.items()} == dict.fromkeys(
        # A word that the control table does not have may be a patient's name.
        ("claims/~_claims.csv", "claims/payer_claims.csv", "claims/2025_claims.csv"),
        "UnlistedHospitalError",
    )
    assert "is of south, which is no listed hospital" in str(refused["claims/~_claims.csv"].message)
    assert "its name gives no hospital" in str(refused["claims/2025_claims.csv"].message)
    assert [row["ClaimID"] for row in project.bronze("payer.claims")] == ["C-north"]
    assert (project.landing / "claims/south_claims.csv").exists()
    # Added on purpose, without a table of its own.
    project.declare(sources, listed={**listed, "south": []})
    project.ingest()
    assert [row["ClaimID"] for row in project.bronze("payer.claims")] == ["C-north", "C-south"]
