"""A complete run: isolation of failures, the log, the plan, and recovery."""

import shutil

import pytest

from ingestion.base.errors import SpecError
from ingestion.loads.plan import plan_all, selected_tables
from ingestion.sources.control_table import load_systems
from ingestion.sources.planned import PlannedLoad, Request
from tests.python.ingestion.conftest import VISITS, WARDS, Project, source

DAY = "2024-01-01 08:00:00"


@pytest.fixture
def filled(project: Project) -> Project:
    project.visit(("v1", 1, None, DAY))
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"))
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    project.drop("codes/1.csv", "code,text\nA,x\n")
    return project


def planned(project: Project, *, full: bool = False) -> dict[str, PlannedLoad]:
    settings = project.settings()
    systems = load_systems(settings.project_dir, settings.bronze_dir)
    return {load.table.label: load for load in plan_all(settings, selected_tables(systems), Request(full))}


def test_one_source_that_fails_leaves_the_others_going(filled: Project) -> None:
    filled.database.unlink()

    summary = filled.ingest()

    assert summary.failed
    assert summary.changed
    assert {result.label: result.status for result in summary.results} == {
        "emr.visits": "failed",
        "emr.wards": "failed",
        "payer.claims": "committed",
        "codes.codes": "committed",
    }


def test_a_broken_delta_log_fails_its_own_table_only(filled: Project) -> None:
    filled.ingest()
    (filled.root / "lakehouse/bronze/emr/wards/_delta_log/00000000000000000000.json").write_text("{broken")

    statuses = {result.label: result.status for result in filled.ingest().results}

    assert statuses["emr.wards"] == "failed"
    assert statuses["emr.visits"] == "unchanged"


def test_every_outcome_is_in_the_log(filled: Project) -> None:
    first = filled.ingest()
    filled.sql("drop table wards")
    second = filled.ingest()

    log = filled.log()
    assert len(log) == len(first.results) + len(second.results)
    assert {result for result in log if result.run_id == second.run_id} == set(second.results)
    [failure] = [result for result in log if result.status == "failed"]
    assert (failure.label, failure.error_class, failure.rows_written) == ("emr.wards", "SchemaDriftError", 0)


def test_commits_that_a_killed_run_did_not_log_are_logged_by_the_next(filled: Project) -> None:
    first = filled.ingest()
    shutil.rmtree(filled.root / "lakehouse" / "audit")

    filled.ingest()

    recovered = {result.batch_id: result for result in filled.log() if result.run_id == first.run_id}
    assert set(recovered) == {result.batch_id for result in first.results}
    assert sum(result.rows_written for result in recovered.values()) == 4
    # And only once.
    filled.ingest()
    assert len([result for result in filled.log() if result.run_id == first.run_id]) == 4


def test_an_inactive_table_is_planned_as_such_and_never_read(filled: Project) -> None:
    load = {**WARDS["config"]["meta"]["load"], "active": False}
    wards = {**WARDS, "config": {"meta": {"load": load}}}
    filled.declare([source("emr", "database", "X", "sqlite:////nowhere.db", [wards])])

    [result] = filled.ingest().results

    assert (result.status, result.batch_id) == ("inactive", None)
    assert planned(filled)["emr.wards"].action == "inactive"


def test_the_plan_says_what_and_why(filled: Project) -> None:
    before = planned(filled)
    assert (before["emr.visits"].load_type, before["emr.visits"].reason) == (
        "full",
        "first load: bronze holds no batch of it",
    )
    assert before["payer.claims"].reason == "new file, adds to the table"
    assert before["codes.codes"].reason == "new file, replaces the whole table"

    filled.ingest()

    after = planned(filled)
    assert (after["emr.visits"].load_type, after["emr.visits"].watermark_low) == ("incremental", DAY)
    assert f"the last batch reached {DAY}, less a lag of 2 days" in after["emr.visits"].reason
    assert after["payer.claims"].action == "nothing"
    assert planned(filled, full=True)["emr.visits"].load_type == "full"


def test_planning_writes_nothing(filled: Project) -> None:
    planned(filled)

    assert sorted(path.name for path in (filled.root / "lakehouse").iterdir()) == ["landing"]


def test_a_table_that_turns_incremental_starts_with_a_full_load(project: Project) -> None:
    full = {**VISITS, "config": {"meta": {"load": {"object": "visits", "mode": "full", "key": ["VisitID"]}}}}
    project.declare([source("emr", "database", "X", f"sqlite:///{project.database}", [full])])
    project.visit(("v1", 1, None, DAY))
    project.load("emr.visits")
    project.declare([source("emr", "database", "X", f"sqlite:///{project.database}", [VISITS])])

    result = project.load("emr.visits")

    assert (result.load_type, result.status) == ("full", "unchanged")


@pytest.mark.parametrize(("chosen", "says"), [(("nobody", None), "--source nobody"), ((None, "none"), "--table none")])
def test_an_unknown_source_or_table_is_a_usage_error(
    project: Project, chosen: tuple[str | None, str | None], says: str
) -> None:
    settings = project.settings()

    with pytest.raises(SpecError, match=says):
        selected_tables(load_systems(settings.project_dir, settings.bronze_dir), *chosen)


def test_a_list_that_was_replaced_and_comes_again_replaces_the_newer_one(project: Project) -> None:
    for number, content in enumerate(("code,text\nA,x\n", "code,text\nA,y\n", "code,text\nA,x\n")):
        project.drop(f"codes/{number}.csv", content)
        assert project.load("codes.codes").status == "committed"
    project.drop("codes/copy.csv", "code,text\nA,x\n")
    assert project.load("codes.codes").status == "duplicate_file"

    assert [row["text"] for row in project.bronze("codes.codes")] == ["x", "y", "x"]
