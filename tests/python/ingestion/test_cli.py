"""The command rcm on small real projects: what it prints, how it fails, and its exit codes."""

import contextlib
import datetime as dt
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner, Result

from rcm.cli import app
from tests.python.ingestion.conftest import Project

COMMANDS = (
    "simulate",
    "demo",
    "plan",
    "ingest",
    "redrive",
    "run",
    "replay",
    "close",
    "reopen",
    "ar",
    "export",
    "status",
    "maintain",
)
WAREHOUSE = {"type": "duckdb", "path": "{{ env_var('RCM_LAKEHOUSE') }}/warehouse.duckdb"}
PROFILE = {"x": {"target": "embedded", "outputs": {"embedded": WAREHOUSE}}}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RCM_BRONZE", "RCM_LANDING", "RCM_TARGET", "RCM_ICD_CLIENT_ID", "RCM_ICD_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RCM_LAKEHOUSE", str(tmp_path / "lakehouse"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")


@pytest.fixture
def filled(project: Project) -> Project:
    """Sources with a few rows, nothing loaded."""
    project.visit(
        ("v1", "10.00", "2024-01-01", "2024-01-01 08:00:00"),
        ("v2", "20.00", "2024-01-02", "2024-01-02 08:00:00"),
    )
    project.sql("insert into wards values (?, ?)", ("w1", "Ward"))
    project.drop("claims/one.csv", "ClaimID,Amount\nc1,1.00\n")
    project.drop("codes/codes.csv", "code,text\n00010,Review\n")
    return project


@pytest.fixture
def loaded(filled: Project) -> Project:
    """The same after one ingest."""
    assert rcm("ingest").exit_code == 0
    return filled


def rcm(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def as_json(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(rcm(*arguments, "--json").stdout)


def errors(result: Result) -> list[str]:
    """Errors on standard error, each one line; whatever goes wrong, the last line says what to do next."""
    lines = result.stderr.splitlines()
    assert all(line.startswith(("error: ", "next: ")) for line in lines), result.stderr
    assert not lines or lines[-1].startswith("next: ")
    reported = "\n".join(lines).replace("\nnext: ", "; ")
    return [line.removeprefix("error: ") for line in reported.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command: str) -> None:
    help_text = rcm(command, "--help").stdout
    assert "Examples" in help_text
    assert f"rcm {command}" in help_text


def test_help_needs_no_heavy_library() -> None:
    code = "import sys, rcm.cli; print(sorted({'pyarrow', 'duckdb', 'dbt', 'deltalake'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version() -> None:
    assert re.fullmatch(r"rcm \d+\.\d+\.\d+\n", rcm("--version").stdout)


def test_nothing_but_rcm_shows_its_commands() -> None:
    printed = rcm()
    assert all(command in printed.output for command in COMMANDS)


@pytest.mark.usefixtures("filled")
def test_an_ingest_loads_and_the_next_says_that_nothing_is_new() -> None:
    first = rcm("ingest", "--source", "emr")
    assert first.exit_code == 0
    assert "Loaded 3 new rows in 2 batches into 2 tables" in first.stdout
    assert "\x1b" not in first.stdout
    second = rcm("ingest", "--source", "emr")
    assert second.exit_code == 0
    assert "Nothing new arrived" in second.stdout


def test_a_source_that_fails_leaves_the_others_loading(filled: Project) -> None:
    filled.sql("drop table visits")
    result = rcm("ingest")
    assert result.exit_code == 1
    (error,) = errors(result)
    assert error.startswith("emr.visits: the database has no table visits")
    assert [row["ClaimID"] for row in filled.bronze("payer.claims")] == ["c1"]
    assert [row["WardID"] for row in filled.bronze("emr.wards")] == ["w1"]


@pytest.mark.parametrize("command", ["plan", "ingest", "status", "maintain"])
def test_a_lakehouse_that_is_a_file_is_misuse(filled: Project, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    place = filled.write("a file", "")
    monkeypatch.setenv("RCM_LAKEHOUSE", str(place))
    result = rcm(command)
    assert result.exit_code == 2
    assert errors(result) == [f"environment: RCM_LAKEHOUSE: {place} is no folder; name another place"]


def test_a_lakehouse_that_cannot_be_made_is_one_line(filled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    place = filled.write("a file", "") / "lakehouse"
    monkeypatch.setenv("RCM_LAKEHOUSE", str(place))
    result = rcm("ingest")
    assert result.exit_code == 1
    assert errors(result) == [
        f"{place}: cannot be written to (NotADirectoryError); check the path, its permissions and the disk"
    ]


@pytest.mark.usefixtures("filled")
def test_results_for_a_machine() -> None:
    (result,) = as_json("ingest", "--source", "payer")["results"]
    assert (result["system"], result["table"], result["status"]) == ("payer", "claims", "committed")
    assert result["rows_written"] == 1
    assert dt.datetime.fromisoformat(result["started_at"]).tzinfo is not None


def test_a_plan_before_the_first_load_writes_nothing(filled: Project) -> None:
    loads = {f"{load['system']}.{load['table']}": load for load in as_json("plan")}
    visits = loads["emr.visits"]
    assert (visits["load_type"], visits["reason"]) == ("full", "first load: bronze holds no batch of it")
    assert loads["payer.claims"]["source_file"] == "claims/one.csv"
    assert not (filled.root / "lakehouse" / "bronze").exists()


def test_a_plan_says_what_would_load_and_why(loaded: Project) -> None:
    loaded.drop("claims/two.csv", "ClaimID,Amount\nc2,1.00\n")
    loads = {f"{load['system']}.{load['table']}": load for load in as_json("plan")}
    visits = loads["emr.visits"]
    assert (visits["action"], visits["load_type"]) == ("load", "incremental")
    assert visits["watermark_low"] == "2024-01-02 08:00:00"
    assert loads["payer.claims"]["source_file"] == "claims/two.csv"
    assert loads["codes.codes"]["action"] == "nothing"
    assert "claims/two.csv: new file" in rcm("plan", "--source", "payer").stdout
    assert (loaded.landing / "claims/two.csv").exists()


@pytest.mark.usefixtures("loaded")
def test_full_is_planned_as_full() -> None:
    (visits,) = as_json("plan", "-s", "emr", "-t", "visits", "--full")
    assert (visits["action"], visits["load_type"]) == ("load", "full")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", ["plan", "ingest", "run"])
@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--source", "--source nowhere: no such system; there are codes, emr, payer"),
        ("--table", "--table nowhere: no such table; there are claims, codes, visits, wards"),
    ],
)
def test_unknown_names_are_usage_errors(command: str, option: str, says: str) -> None:
    result = rcm(command, option, "nowhere")
    assert result.exit_code == 2
    assert errors(result) == [says]


@pytest.mark.parametrize(("command", "exit_code"), [("plan", 1), ("ingest", 1), ("status", 1)])
def test_a_broken_declaration_is_one_line_and_leaves_the_others(filled: Project, command: str, exit_code: int) -> None:
    filled.write("models/bronze/broken.yml", "sources: [")

    result = rcm(command)

    assert result.exit_code == exit_code
    (error,) = errors(result)
    assert error.startswith("broken.yml, line 1: is not valid YAML")
    assert error.endswith("; correct it")
    assert "visits" in result.stdout


def test_a_control_table_without_a_sound_system_is_misuse(filled: Project) -> None:
    filled.write("dbt_project.yml", "name: x\n")

    assert rcm("ingest").exit_code == 2


def test_the_project_is_the_nearest_folder_upwards(loaded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    below = loaded.root / "models" / "bronze"
    monkeypatch.chdir(below)
    assert len(as_json("plan")) == 4
    assert Path.cwd() == below


def test_another_project_is_named_by_its_folder(
    loaded: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    lost = rcm("plan")
    assert lost.exit_code == 2
    assert "name the project's folder with --project-dir or RCM_PROJECT" in errors(lost)[0]
    assert len(as_json("plan", "--project-dir", str(loaded.root))) == 4


def test_status_tells_ages_rows_and_failures(loaded: Project) -> None:
    loaded.sql("drop table visits")
    for _ in range(2):
        assert rcm("ingest").exit_code == 1
    states = {state["table"]: state for state in as_json("status")["tables"]}
    assert (states["visits"]["status"], states["visits"]["failures"], states["visits"]["rows"]) == ("failed", 2, 2)
    assert (states["wards"]["status"], states["wards"]["failures"]) == ("unchanged", 0)
    printed = rcm("status")
    assert printed.exit_code == 1
    assert re.search(r"emr\.visits +2 +\d+ s ago +2 +failed 2 times, \d+ s ago", printed.stdout)
    assert "emr.visits: the database has no table visits" in printed.stdout


def test_a_failure_is_over_with_the_next_success(loaded: Project) -> None:
    loaded.sql("alter table wards rename to rooms")
    assert rcm("ingest").exit_code == 1
    loaded.sql("alter table rooms rename to wards")
    assert rcm("ingest").exit_code == 0
    assert {state["table"]: state["failures"] for state in as_json("status")["tables"]}["wards"] == 0


@pytest.mark.usefixtures("project")
def test_status_before_the_first_load() -> None:
    printed = rcm("status")
    assert printed.exit_code == 0
    assert printed.stdout.count("never") == 4


def test_status_shows_quarantine_kpis_and_where_the_rows_are(loaded: Project) -> None:
    with duckdb.connect(str(loaded.root / "lakehouse" / "warehouse.duckdb")) as connection:
        connection.execute(
            """
            create schema silver;
            create schema gold;
            create table silver.quarantine as
            select * from (values
                ('claims', 'payer', 'open'), ('claims', 'payer', 'open'), ('visits', 'emr', 'resolved'))
                as t (entity, source_system, status);
            create table silver.dq_batch_reconciliation as
            select 10 as bronze_rows, 5 as current_rows, 1 as superseded_rows, 1 as duplicate_rows,
                2 as quarantined_rows, 0 as rejected_rows, 0 as waiting_rows, 0 as refused_rows;
            create table gold.kpi_headline as
            select date '2024-12-31' as as_of_date, * from (values
                ('South', 1, 'ar', 'A/R balance', -1234.5::decimal(18, 4), '$', '', null, 'South (2024-12-31)', null),
                ('All hospitals', 1, 'ar', 'A/R balance', 98765.4::decimal(18, 4), '$', '', null,
                    'South (2024-12-31)', 'North (2024-12-31): no ledger'),
                ('North', 2, 'days', 'Days in A/R', 51.26::decimal(18, 4), 'days', '<= 45', null, 'North', null),
                ('South', 2, 'days', 'Days in A/R', null, 'days', '<= 45', 'needs [b]adjustments', null, null),
                ('All hospitals', 2, 'days', 'Days in A/R', null, 'days', '<= 45', null, null, null))
                as t (hospital_name, sort_order, kpi_name, kpi_label, kpi_value, unit, target, unknown_reason, members,
                    left_out);
            alter table gold.kpi_headline add column is_complete boolean;
            """
        )
    printed = rcm("status").stdout
    assert "KPIs as of 2024-12-31" in printed
    assert re.search(r"KPI +North +South +All hospitals +target", printed)
    assert re.search(r"A/R balance +- +-\$1,234 +\$98,765", printed)
    assert re.search(r"Days in A/R +51\.3 days +needs \[b\]adjustments +- +<= 45", printed)
    assert "All hospitals: South (2024-12-31); left out: North (2024-12-31): no ledger" in " ".join(printed.split())
    quarantine = printed.split("open quarantine")[1].split("KPIs")[0]
    assert re.search(r"claims +2\b", quarantine)
    assert "visits" not in quarantine
    assert "10 rows in bronze = 5 current + 1 superseded + 1 duplicates + 2 quarantined + 0 rejected" in printed
    assert "1 NOT ACCOUNTED FOR" in printed
    assert as_json("status")["open_quarantine"] == [{"entity": "claims", "source_system": "payer", "records": 2}]


def test_a_file_that_is_no_warehouse_is_one_line(loaded: Project) -> None:
    loaded.write("lakehouse/warehouse.duckdb", b"not a database" * 1000)
    result = rcm("status")
    assert result.exit_code == 1
    assert "warehouse.duckdb cannot be opened" in errors(result)[0]


@contextlib.contextmanager
def warehouse_held_open(project: Project) -> Iterator[None]:
    """Another process holds the warehouse open for writing, as a build does."""
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    place = str(project.root / "lakehouse" / "warehouse.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", script, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "open\n"
        yield
        builder.communicate()


def test_status_shows_the_loads_while_the_warehouse_is_built(loaded: Project) -> None:
    with warehouse_held_open(loaded):
        result = rcm("status")
        shown = as_json("status")
    assert result.exit_code == 0
    assert re.match(r"warning: warehouse\.duckdb is held by python \(process \d+\)\nnext: run it again", result.stderr)
    assert (shown["kpis"], len(shown["tables"])) == (None, 4)


def declare_models(project: Project, **models: str) -> None:
    """Make the project a dbt project with these models."""
    settings = yaml.safe_load((project.root / "dbt_project.yml").read_text())
    project.write("dbt_project.yml", yaml.safe_dump({**settings, "version": "1.0", "profile": "x"}))
    project.write("profiles/profiles.yml", yaml.safe_dump(PROFILE))
    for name, sql in models.items():
        project.write(f"models/{name}.sql", sql)


def test_run_builds_though_a_source_failed(loaded: Project) -> None:
    declare_models(loaded, built="select 1 as one")
    good = rcm("run")
    assert good.exit_code == 0, good.output
    assert "Built 1 models" in good.stdout
    loaded.sql("drop table visits")
    result = rcm("run")
    assert result.exit_code == 1
    assert "Built 1 models" in result.stdout
    assert len(errors(result)) == 1
    with duckdb.connect(str(loaded.root / "lakehouse" / "warehouse.duckdb")) as connection:
        assert connection.execute("select one from main.built").fetchall() == [(1,)]


def test_a_model_that_fails_is_one_line(loaded: Project) -> None:
    declare_models(loaded, broken="select nothing_of_this_name", above="select * from {{ ref('broken') }}")
    result = rcm("run")
    assert result.exit_code == 1
    (error,) = errors(result)
    assert error.startswith("model broken: ")
    assert "nothing_of_this_name" in error
    assert "1 skipped, 1 failed (logs/dbt.log)" in result.stdout


def test_a_project_that_dbt_cannot_read_is_one_line(loaded: Project) -> None:
    declare_models(loaded, wrong="select * from {{ ref('no_such_model') }}")
    result = rcm("run")
    assert result.exit_code == 1
    (error,) = errors(result)
    assert error.startswith("dbt: ")
    assert "no_such_model" in error


@pytest.mark.usefixtures("project")
def test_a_simulation_keeps_its_own_values() -> None:
    first = rcm("simulate", "--patients", "100", "--seed", "7")
    assert first.exit_code == 0
    assert "Simulated 2 hospitals, 100 patients each, seed 7, day 0" in first.stdout
    assert "there already: 2 hospitals, 100 patients each, seed 7, day 0" in rcm("simulate").stdout
    assert "100 patients each, seed 7, day 1" in rcm("simulate", "--day", "1").stdout
    for wrong in (("--day", "0"), ("--patients", "200")):
        result = rcm("simulate", *wrong)
        assert result.exit_code == 2
        assert "another lakehouse" in errors(result)[0]


@pytest.mark.usefixtures("project")
def test_the_demo_is_for_the_simulated_hospitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCM_BRONZE", "examples/tutorial")
    result = rcm("demo")
    assert result.exit_code == 2
    assert "unset RCM_BRONZE" in errors(result)[0]


def test_a_range_is_read_again_by_the_command_line(loaded: Project) -> None:
    loaded.visit(("late", 3, None, "2024-01-01 09:00:00"))
    results = {
        result["table"]: result
        for result in as_json("ingest", "--since", "2024-01-01", "--until", "2024-01-01")["results"]
    }
    assert (results["visits"]["load_type"], results["visits"]["watermark_high"]) == (
        "backfill",
        "2024-01-01 23:59:59.999999",
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--since", "yesterday"), "--since yesterday: is not a date"),
        (("--full", "--since", "2024-01-01"), "give one or the other"),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_a_range_that_makes_no_sense_is_a_usage_error(options: tuple[str, ...], says: str) -> None:
    result = rcm("ingest", *options)
    assert result.exit_code == 2
    assert says in errors(result)[0]


def test_rejected_lines_show_in_the_status_until_they_are_redriven(loaded: Project) -> None:
    loaded.drop("claims/bad.csv", "ClaimID,Amount\nC7,1\nC8\n")
    assert rcm("ingest").exit_code == 0
    assert "payer.claims: 1 lines wait in rejects/payer/claims/" in rcm("status").stdout
    [waiting] = as_json("status")["waiting_rejects"]
    (loaded.landing / waiting["place"]).write_text("ClaimID,Amount\nC8,2\n")

    assert rcm("redrive").exit_code == 0

    assert as_json("status")["waiting_rejects"] == []
    assert "No rejected lines wait" in rcm("redrive").stdout


@pytest.mark.usefixtures("loaded")
def test_maintain_tells_of_every_table() -> None:
    tables = {table["label"]: table for table in as_json("maintain")}
    assert set(tables) == {"emr.visits", "emr.wards", "payer.claims", "codes.codes", "audit.load_log", "audit.rejects"}
    assert "files before" in rcm("maintain").stdout


def test_a_second_build_says_who_is_in_the_way(loaded: Project) -> None:
    declare_models(loaded, built="select 1 as one")
    with warehouse_held_open(loaded):
        result = rcm("replay")
    assert result.exit_code == 1
    assert re.match(r"dbt: warehouse\.duckdb is held by python \(process \d+\); run it again", errors(result)[0])
