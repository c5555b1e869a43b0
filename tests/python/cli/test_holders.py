"""A locked warehouse: every command names the process that holds it, and never shows its secrets."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
import yaml

from rcm.warehouse import holders as holders_module
from rcm.warehouse.holders import Holder, holder_of, holders, process
from rcm.warehouse.reader import is_taken
from tests.python.cli.conftest import Project, held_by, rcm
from tests.python.ingestion.conftest import VISITS, source

PROFILES = Path(__file__).resolve().parents[3] / "profiles" / "profiles.yml"
OPEN = "import duckdb\nconnection = duckdb.connect(sys.argv[1])"
KPI = {
    "models": [
        {
            "name": "kpi_x",
            "columns": [
                {"name": "hospital_key", "data_type": "string"},
                {"name": "accounts", "data_type": "bigint", "config": {"meta": {"cell_count": True}}},
            ],
        }
    ]
}


@pytest.fixture
def held(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A project with a ledger and a KPI whose warehouse a program called rcm holds, as a build does."""
    place = project.root / "lakehouse" / "warehouse.duckdb"
    place.parent.mkdir(parents=True)
    visits = {**VISITS, "name": "transactions"}
    project.declare([source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [visits])])
    project.write("models/gold/kpis/x/_x__models.yml", yaml.safe_dump(KPI))
    profile = {"x": {"target": "d", "outputs": {"d": {"type": "duckdb", "path": str(place)}}}}
    project.write("profiles/profiles.yml", yaml.safe_dump(profile))
    declared = yaml.safe_load((project.root / "dbt_project.yml").read_text())
    project.write("dbt_project.yml", yaml.safe_dump({**declared, "version": "1.0", "profile": "x"}))
    project.write("models/one.sql", "select 1 as one")
    with held_by(project.root / "bin" / "rcm", OPEN, str(place), "--password", "hunter2") as holder:
        yield holder


def test_a_build_waits_for_a_reader_that_has_the_warehouse_open_for_a_moment(project: Project) -> None:
    place = project.root / "lakehouse" / "warehouse.duckdb"
    place.parent.mkdir(parents=True)
    with closing(duckdb.connect(str(place))):
        pass
    project.declare([source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [VISITS])])
    ours = yaml.safe_load(PROFILES.read_text())["rcm"]["outputs"]["duckdb"]["retries"]
    output = {"type": "duckdb", "path": str(place), "retries": {**ours, "connect_attempts": 5}}
    project.write("profiles/profiles.yml", yaml.safe_dump({"x": {"target": "d", "outputs": {"d": output}}}))
    declared = yaml.safe_load((project.root / "dbt_project.yml").read_text())
    project.write("dbt_project.yml", yaml.safe_dump({**declared, "version": "1.0", "profile": "x"}))
    project.write("models/one.sql", "select 1 as one")

    # Opened for reading, and let go before the last attempt.
    reader = "import duckdb, threading\nduckdb.connect(sys.argv[1], read_only=True)\n"
    reader += "threading.Timer(float(sys.argv[2]), lambda: os._exit(0)).start()"
    with held_by(project.root / "bin" / "rcm", f"import os\n{reader}", str(place), "6"):
        result = rcm("replay")

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("ar", "--as-of", "2024-01-31"),
        ("close", "2024-01"),
        ("export", "kpi_x", "out.csv"),
        ("run",),
        ("replay",),
    ],
    ids=lambda command: command[0],
)
def test_a_command_names_who_holds_the_warehouse(
    held: subprocess.Popen[str], command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(project.root / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(project.root / "logs"))
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    result = rcm(*command)
    assert result.exit_code == (0 if command[0] == "status" else 1)
    assert f"warehouse.duckdb is held by rcm (process {held.pid})\nnext: run it again when" in result.stderr
    assert "hunter2" not in result.output


def test_a_reader_in_the_way_of_a_build_is_named_too(project: Project) -> None:
    place = project.write("w.duckdb", b"")
    place.unlink()
    duckdb.connect(str(place)).close()
    reads = "import duckdb\nconnection = duckdb.connect(sys.argv[1], read_only=True)"
    with held_by(project.root / "dashboard.py", reads, str(place)) as reader:
        with pytest.raises(duckdb.IOException) as refused:
            duckdb.connect(str(place))
        assert is_taken(str(refused.value))
        holder = holder_of(place, str(refused.value))
    assert holder is not None
    assert str(holder) == f"dashboard.py (process {reader.pid})"


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="component /proc is not installed")
@pytest.mark.parametrize("lock", ["fcntl.lockf(file, fcntl.LOCK_EX)", "fcntl.flock(file, fcntl.LOCK_EX)"])
def test_without_a_message_the_system_tells_who_holds_a_file(tmp_path: Path, lock: str) -> None:
    place = tmp_path / "x.lock"
    place.touch()
    assert holders(place) == []
    with held_by(tmp_path / "loader.py", f"import fcntl\nfile = open(sys.argv[1], 'r+')\n{lock}", str(place)) as holder:
        (found,) = holders(place)
        assert (found.process, found.command, found.is_stopped) == (holder.pid, "loader.py", False)
        os.kill(holder.pid, signal.SIGSTOP)
        try:
            # A stopped process is reported as such by the system that stopped it.
            os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
            assert process(holder.pid).is_stopped
            assert str(process(holder.pid)).endswith(f"(process {holder.pid}, suspended)")
        finally:
            os.kill(holder.pid, signal.SIGCONT)
    assert holders(place) == []


def test_without_a_list_of_locks_who_has_the_file_open_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders_module, "_LOCKS", tmp_path / "no list")
    place = tmp_path / "x.lock"
    place.touch()
    assert holders(place) == []
    with held_by(tmp_path / "loader.py", "file = open(sys.argv[1])", str(place)) as holder:
        assert [(found.process, found.command) for found in holders(place)] == [(holder.pid, "loader.py")]


def test_a_command_line_is_shown_without_what_may_be_a_secret(tmp_path: Path) -> None:
    script, url = tmp_path / "rcm", "postgresql://user:hunter2@host/emr"  # pragma: allowlist secret
    with held_by(script, "", "run", "--url", url) as running:
        assert process(running.pid).command == "rcm run"
    with held_by(script, "", url) as running:
        assert process(running.pid).command == "rcm"


def test_a_process_that_is_gone_is_still_named_by_its_number() -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    assert re.fullmatch(rf"another program \(process {gone.pid}\)", str(process(gone.pid)))
    assert str(Holder(7)) == "another program (process 7)"
