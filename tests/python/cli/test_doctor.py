"""``rcm doctor`` with real faults: each one is found, named, and has a remedy that fixes it."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.base.findings import Finding, ok
from ingestion.sources.control_table import read_control_table
from rcm.doctor import CHECKS, Check, Situation, run_checks
from rcm.doctor.disk import shown_bytes
from tests.python.cli.conftest import RCM, Project, held_by, in_terminal, rcm
from tests.python.ingestion.conftest import CLAIMS, WARDS, source

SECONDS = "20"


@pytest.fixture
def sound(filled: Project) -> Project:
    """A project in which everything is well."""
    profile = {"rcm": {"target": "duckdb", "outputs": {"duckdb": {"type": "duckdb"}}}}
    filled.write("profiles/profiles.yml", yaml.safe_dump(profile))
    assert rcm("ingest").exit_code == 0
    (filled.root / "lakehouse").chmod(0o700)
    return filled


def diagnosed(*options: str, expect: int) -> dict[tuple[str, str], dict[str, Any]]:
    """What the doctor found, by check and subject."""
    result = rcm("doctor", "--json", "--seconds", SECONDS, *options)
    assert result.exit_code == expect, result.output
    found = json.loads(result.stdout)
    assert all((entry["state"] == "ok") == (entry["next_step"] is None) for entry in found)
    return {(entry["check"], entry["subject"]): entry for entry in found}


@pytest.mark.usefixtures("sound")
def test_all_is_well() -> None:
    found = diagnosed(expect=0)
    assert {entry["state"] for entry in found.values()} == {"ok"}, found
    assert {check for check, _ in found} == {check.name for check in CHECKS}
    assert [subject for check, subject in found if check == "connection"] == ["emr", "payer", "codes"]


@pytest.mark.usefixtures("sound")
def test_in_a_pipe_it_is_a_line_a_check_and_on_a_terminal_a_table() -> None:
    lines = rcm("doctor", "--seconds", SECONDS).stdout.splitlines()
    assert lines[-1].startswith("No problems: ")
    assert sum(line.startswith("ok       ") for line in lines) == len(lines) - 2


def test_on_a_narrow_terminal_the_remedy_stands_below_its_problem(sound: Project) -> None:
    sound.sql("drop table wards")
    code, shown = in_terminal([str(RCM), "doctor", "--seconds", SECONDS])
    assert code == 1
    assert "problem" in shown
    assert "next:" in shown
    assert "1 problem: " in shown


def test_a_table_that_the_login_cannot_see(sound: Project) -> None:
    sound.sql("drop table wards")
    entry = diagnosed(expect=1)["connection", "emr"]
    assert (entry["state"], entry["next_step"]) == ("problem", "let the login read it, or correct load.object")
    assert entry["message"].endswith("has no table wards for this login")


def test_a_database_that_is_not_there(sound: Project) -> None:
    sound.database.unlink()
    entry = diagnosed(expect=1)["connection", "emr"]
    assert entry["state"] == "problem"
    assert entry["message"].startswith("no database at sqlite:///")


@contextmanager
def host_that_never_answers() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


def test_a_host_that_does_not_answer_is_given_up_in_time(sound: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = {
        "name": "npi",
        "config": {"meta": {"load": {"extractor": "npi_registry", "mode": "incremental", "key": ["npi"]}}},
        "columns": [{"name": "npi", "data_type": "string"}],
    }
    sound.declare(
        [
            source("registry", "api", "TEST_NPI_URL", "http://127.0.0.1:1/", [registry]),
            source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [CLAIMS]),
        ]
    )
    with host_that_never_answers() as port:
        address = f"http://user:hunter2@127.0.0.1:{port}/api/"  # pragma: allowlist secret
        monkeypatch.setenv("TEST_NPI_URL", address)
        begun = time.monotonic()
        result = rcm("doctor", "--json", "--seconds", "2")
        took = time.monotonic() - begun
    found = {(entry["check"], entry["subject"]): entry for entry in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found["connection", "registry"]["message"] == "gave no answer in 2 s"
    assert found["connection", "payer"]["state"] == "ok"
    assert "hunter2" not in result.output
    # All checks share their time; the rest is Python's own.
    assert took < 15

    monkeypatch.setenv("TEST_NPI_URL", "http://127.0.0.1:1/api/")
    refused = diagnosed(expect=1)["connection", "registry"]
    assert refused["message"] == "http://127.0.0.1:1/api/ does not answer (ConnectionError)"


def test_secrets_are_asked_for_by_name_and_never_shown(sound: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_EMR_URL", "secret://emr-url")
    monkeypatch.setenv("RCM_ALERT_URL", "https://hook.invalid/?key=secret://alert-key")
    monkeypatch.setenv("RCM_SECRET_EMR_URL", f"sqlite:///{sound.database}")
    result = rcm("doctor", "--json", "--seconds", SECONDS)
    found = {(entry["check"], entry["subject"]): entry for entry in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found["secret", "emr-url"]["message"] == "is in the environment, as RCM_SECRET_EMR_URL"
    assert found["connection", "emr"]["state"] == "ok"
    missing = found["secret", "alert-key"]
    assert missing["message"] == "secret://alert-key is not in the environment"
    assert missing["next_step"] == "set RCM_SECRET_ALERT_KEY"
    assert str(sound.database) not in result.output


def test_a_lakehouse_and_a_key_that_others_can_read(sound: Project) -> None:
    lakehouse = sound.root / "lakehouse"
    key = sound.write("lakehouse/phi.key", "k" * 64)
    lakehouse.chmod(0o755)
    key.chmod(0o644)
    found = diagnosed(expect=1)
    assert found["permissions", ""]["next_step"] == f"chmod 700 {lakehouse}"
    assert found["phi key", ""]["next_step"] == f"chmod 600 {key}"
    for step in (found["permissions", ""]["next_step"], found["phi key", ""]["next_step"]):
        mode, place = step.removeprefix("chmod ").split(" ", 1)
        Path(place).chmod(int(mode, 8))
    assert diagnosed(expect=0)["phi key", ""]["state"] == "ok"


@pytest.mark.usefixtures("sound")
def test_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCM_THREDS", "8")
    found = diagnosed(expect=0)["variables", ""]
    assert (found["state"], found["message"]) == ("warning", "environment: RCM_THREDS is not read by anything")
    assert found["next_step"] == "did you mean RCM_THREADS?"


def test_a_short_key(monkeypatch: pytest.MonkeyPatch, sound: Project) -> None:
    monkeypatch.setenv("RCM_PHI_KEY", "short")
    result = rcm("doctor", "--json", "--seconds", SECONDS)
    assert "RCM_PHI_KEY is shorter than 32 characters" in result.stdout
    assert not (sound.root / "lakehouse" / "phi.key").exists()


LOAD = "from filelock import FileLock\nlock = FileLock(sys.argv[1])\nlock.acquire()"


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="component /proc is not installed")
def test_a_table_that_is_being_loaded_and_a_load_that_hangs(sound: Project) -> None:
    lock = sound.root / "lakehouse" / "locks" / "emr.visits.lock"
    with held_by(sound.root / "bin" / "rcm", LOAD, str(lock)) as loader:
        running = diagnosed(expect=0)["table locks", ""]
        os.kill(loader.pid, signal.SIGSTOP)
        try:
            os.waitid(os.P_PID, loader.pid, os.WSTOPPED | os.WNOWAIT)
            hanging = diagnosed(expect=1)["table locks", ""]
        finally:
            os.kill(loader.pid, signal.SIGCONT)
    assert running["state"] == "warning"
    assert running["message"].startswith(f"emr.visits is held by rcm (process {loader.pid})")
    assert hanging["message"] == f"emr.visits is held by rcm (process {loader.pid}, suspended): it does not go on"
    assert hanging["next_step"].startswith(f"continue it with kill -CONT {loader.pid}")
    free = diagnosed(expect=0)["table locks", ""]
    assert free["message"].endswith("files of earlier runs block nobody")


def test_a_warehouse_that_is_being_built(sound: Project) -> None:
    place = sound.root / "lakehouse" / "warehouse.duckdb"
    builds = "import duckdb\nconnection = duckdb.connect(sys.argv[1])"
    with held_by(sound.root / "bin" / "rcm", builds, str(place)) as builder:
        entry = diagnosed(expect=0)["warehouse", ""]
    assert entry["state"] == "warning"
    assert entry["message"].startswith(f"warehouse.duckdb is held by rcm (process {builder.pid})")


def test_a_warehouse_that_is_none(sound: Project) -> None:
    sound.write("lakehouse/warehouse.duckdb", b"not a database" * 1000).chmod(0o600)
    assert diagnosed(expect=1)["warehouse", ""]["next_step"] == "restore it, or rcm replay"


def test_a_build_and_a_load_that_failed(sound: Project) -> None:
    sound.write(
        "lakehouse/last_build.json",
        json.dumps(
            {"finished_at": "2024-01-01T00:00:00", "failures": ["model a: Binder Error", "model b: x"], "skipped": 3}
        ),
    )
    sound.sql("alter table wards rename to rooms")
    assert rcm("ingest").exit_code == 1
    sound.sql("alter table rooms rename to wards")
    found = diagnosed(expect=1)
    assert "it failed: model a: Binder Error and 1 more" in found["last build", ""]["message"]
    assert found["last loads", ""]["message"] == "the last load failed of emr.wards"


def test_a_target_without_a_profile(sound: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCM_TARGET", "snowflake")
    found = diagnosed(expect=1)
    assert found["profile", ""]["next_step"] == "set it to one of duckdb"
    assert found["dbt", ""]["next_step"] == "set it to one of duckdb, spark, databricks"
    monkeypatch.delenv("RCM_TARGET")
    (sound.root / "profiles" / "profiles.yml").unlink()
    assert diagnosed(expect=0)["profile", ""]["state"] == "warning"


def test_a_project_that_asks_for_another_dbt(sound: Project) -> None:
    declared = yaml.safe_load((sound.root / "dbt_project.yml").read_text())
    sound.write("dbt_project.yml", yaml.safe_dump({**declared, "require-dbt-version": ">=9.0"}))
    entry = diagnosed(expect=1)["dbt", ""]
    assert entry["message"].endswith("but dbt_project.yml asks for >=9.0")
    assert entry["next_step"] == "pip install 'rcm-lakehouse[duckdb]'"


def test_a_broken_declaration_beside_sound_ones(sound: Project) -> None:
    sound.write("models/bronze/broken.yml", "sources: [")
    result = rcm("doctor", "--json", "--seconds", SECONDS)
    problems = [entry for entry in json.loads(result.stdout) if entry["state"] == "problem"]
    assert [(entry["check"], entry["next_step"]) for entry in problems] == [("project", "correct it")]


@pytest.mark.usefixtures("sound")
def test_settings_that_cannot_be_read_are_the_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCM_STORAGE_CONNECTION", "secret://storage")
    (entry,) = diagnosed(expect=1).values()
    assert (entry["check"], entry["next_step"]) == ("settings", "set RCM_SECRET_STORAGE")


def test_outside_of_a_project_it_is_misuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = rcm("doctor")
    assert result.exit_code == 2
    assert "next: name the project's folder with --project-dir or RCM_PROJECT" in result.stderr


def test_an_inactive_source_is_not_asked(sound: Project) -> None:
    idle = json.loads(json.dumps(WARDS))
    idle["config"]["meta"]["load"]["active"] = False
    sound.declare([source("emr", "database", "TEST_EMR_URL", "mssql://nobody.invalid/emr", [idle])])
    assert diagnosed(expect=0)["connection", "emr"]["message"] == "not asked: every table has active: false"


def test_a_check_that_breaks_is_a_problem_and_leaves_the_others(sound: Project) -> None:
    def breaks(_: Situation, __: str) -> Iterator[Finding]:
        raise ValueError("a patient's name")

    def works(_: Situation, __: str) -> Iterator[Finding]:
        yield ok("fine")

    settings = sound.settings()
    control = read_control_table(settings.project_dir, settings.bronze_dir)
    situation = Situation(sound.root, {}, settings, control)
    broken, fine = run_checks([Check("a", "", breaks), Check("b", "", works)], situation, 5.0)
    assert (broken.state, fine.state) == ("problem", "ok")
    assert "ValueError" in broken.message
    assert "patient" not in broken.message


def test_sizes_are_shown_in_their_largest_unit() -> None:
    assert [shown_bytes(count) for count in (12, 2048, 54 << 20, 3 << 30)] == ["12 B", "2 KiB", "54 MiB", "3.0 GiB"]


def test_every_check_says_what_it_looks_at_and_has_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.looks_at for check in CHECKS)
