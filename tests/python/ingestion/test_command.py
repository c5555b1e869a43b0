"""The command itself: exit codes, one line per error, JSON for machines."""

import json
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner, Result

from ingestion.build_record import is_current, note_build
from ingestion.cli import app
from ingestion.control_table import load_systems
from tests.python.ingestion.conftest import Project


@pytest.fixture
def filled(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("RCM_BRONZE", "RCM_LAKEHOUSE"):
        monkeypatch.delenv(name, raising=False)
    project.visit(("v1", 1, None, "2024-01-01"))
    project.sql("insert into wards values (?, ?)", ("w1", "ICU"))
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    return project


def rcm(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def statuses(result: Result) -> Sequence[str]:
    return [load["status"] for load in json.loads(result.stdout)["results"]]


@pytest.mark.usefixtures("filled")
def test_ingest_exits_0_and_a_second_time_finds_nothing_new() -> None:
    first, second = rcm("ingest", "--json"), rcm("ingest")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert statuses(first) == ["committed", "committed", "committed", "unchanged"]
    assert "Nothing new arrived" in second.stdout


def test_ingest_exits_1_where_one_source_failed_with_a_line_for_it(filled: Project) -> None:
    filled.database.unlink()

    result = rcm("ingest", "--json")

    assert result.exit_code == 1
    assert statuses(result) == ["failed", "failed", "committed", "unchanged"]
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: emr.visits: no database at sqlite:")
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest", "--source", "nobody"], "error: --source nobody: no such system"),
        (["plan", "--table", "nothing"], "error: --table nothing: no such table"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_misuse_exits_2(arguments: list[str], says: str) -> None:
    result = rcm(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(says)


def test_a_broken_control_table_exits_2_and_loads_nothing(filled: Project) -> None:
    filled.write("models/bronze/broken.yml", "sources: [")

    result = rcm("ingest")

    assert result.exit_code == 2
    assert result.stderr.startswith("error: broken.yml, line 1: is not valid YAML")
    assert not (filled.root / "lakehouse" / "bronze").exists()


def test_plan_for_a_machine_says_why_and_writes_nothing(filled: Project) -> None:
    result = rcm("plan", "--json")

    loads = {f"{load['system']}.{load['table']}": load for load in json.loads(result.stdout)}
    assert (loads["emr.visits"]["load_type"], loads["emr.visits"]["reason"]) == ("full", "first load")
    assert loads["payer.claims"]["source_file"] == "claims/a.csv"
    assert not (filled.root / "lakehouse" / "bronze").exists()


@pytest.mark.usefixtures("filled")
def test_output_into_a_pipe_has_no_colours() -> None:
    assert "\x1b[" not in rcm("ingest").output


@pytest.mark.usefixtures("filled")
def test_status_for_a_machine() -> None:
    rcm("ingest")

    result = rcm("status", "--json")

    assert result.exit_code == 0
    tables = {table["table"]: table for table in json.loads(result.stdout)["tables"]}
    assert tables["visits"]["rows"] == 1


def test_a_build_is_current_until_bronze_or_the_project_changes(filled: Project) -> None:
    settings = filled.settings()
    systems = load_systems(settings.project_dir, settings.bronze_dir)
    rcm("ingest")
    assert not is_current(settings, systems)
    settings.warehouse.touch()

    note_build(settings, systems, succeeded=True)
    assert is_current(settings, systems)

    filled.visit(("v2", 2, None, "2024-01-02"))
    rcm("ingest")
    assert not is_current(settings, systems)

    note_build(settings, systems, succeeded=True)
    filled.write("models/gold/new.sql", "select 1")
    assert not is_current(settings, systems)

    note_build(settings, systems, succeeded=False)
    assert not is_current(settings, systems)
