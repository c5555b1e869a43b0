"""The whole lakehouse in Azure storage: landing, bronze and audit under abfss:// URLs, on the emulator."""

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pytest

from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.places import audit_log, bronze_table
from ingestion.loads.load import IngestSummary, ingest, redrive
from ingestion.loads.maintenance import maintain
from ingestion.loads.plan import plan_all, selected_tables
from rcm.warehouse.duckdb_plugin import load_delta
from tests.python.faults.lakehouse import Lakehouse, ingest_here
from tests.python.faults.processes import At, run, start
from tests.python.ingestion.azurite import ACCOUNT, Azurite, running

PROJECT = Path(__file__).resolve().parents[3]
PYTHON, ENVIRONMENT = sys.executable, dict(os.environ)
LABELS = ("emr.visits", "emr.wards", "payer.claims", "codes.codes")


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with running() as emulator:
        yield emulator


@dataclass(frozen=True)
class Cloud:
    """A project on this machine whose lakehouse is a container of the emulator."""

    here: Lakehouse
    emulator: Azurite
    container: str
    connection: str

    @property
    def values(self) -> dict[str, str]:
        return {
            "RCM_LAKEHOUSE": self.emulator.url(self.container),
            "RCM_STORAGE_CONNECTION": self.connection,
            "RCM_WAREHOUSE": str(self.here.root / "warehouse.duckdb"),
        }

    @property
    def settings(self) -> Settings:
        return self.here.settings(**self.values)

    def drop(self, name: str, content: str) -> None:
        """A file arrives in the landing folder."""
        self.emulator.client(self.container).upload_blob(f"landing/{name}", content.encode(), overwrite=True)

    def ingest(self) -> dict[str, str]:
        """Statuses by table of a run in this process."""
        return statuses(ingest(self.settings, self.here.systems()))

    def task(self, source: str | None = None) -> Callable[[], IngestSummary]:
        """The same run, for a process of its own."""
        ingest_with: Callable[..., IngestSummary] = ingest_here
        return partial(ingest_with, source=source, **self.values)

    def rows(self, label: str, column: str) -> list[Any]:
        """One column of a bronze table, sorted; the row as often as bronze holds it."""
        [spec] = [spec for system in self.here.systems() for spec in system.tables if spec.label == label]
        delta = bronze_table(self.settings, spec).open()
        return [] if delta is None else sorted(pa.table(delta.scan([column])).column(0).to_pylist())

    def names(self, folder: str) -> list[str]:
        return self.emulator.names(self.container, folder)

    def contents(self, folder: str) -> list[bytes]:
        client = self.emulator.client(self.container)
        return [client.download_blob(name).readall() for name in self.names(folder)]


def statuses(summary: IngestSummary) -> dict[str, str]:
    return {result.label: result.status for result in summary.results}


@pytest.fixture(params=["key", "sas"])
def cloud(request: pytest.FixtureRequest, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Every source with a little in it, nothing loaded; signed in by key, and by a signature for the container."""
    return filled(azurite, tmp_path, monkeypatch, request.param)


@pytest.fixture
def keyed(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return filled(azurite, tmp_path, monkeypatch, "key")


def filled(azurite: Azurite, root: Path, monkeypatch: pytest.MonkeyPatch, sign_in: str) -> Cloud:
    here = Lakehouse.create(root)
    monkeypatch.chdir(root)
    container = root.name.replace("_", "-").strip("-")
    azurite.container(container)
    connection = azurite.with_key if sign_in == "key" else azurite.with_sas(container)
    made = Cloud(here, azurite, container, connection)
    here.visit(("V1", "10.50", "2024-01-01 08:00:00"), ("V2", "7.00", "2024-01-02 08:00:00"))
    here.ward(("W1", "North"), ("W2", "South"))
    made.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2,2\n")
    made.drop("codes/2023.csv", "code,text\nA,x\n")
    return made


def test_landing_bronze_and_audit_are_in_azure_and_a_second_run_changes_nothing(cloud: Cloud) -> None:
    assert cloud.ingest() == dict.fromkeys(LABELS, "committed")

    assert cloud.rows("emr.visits", "VisitID") == ["V1", "V2"]
    assert cloud.rows("payer.claims", "ClaimID") == ["C1", "C2"]
    folders = {"/".join(name.split("/")[:3]) for name in cloud.names("")}
    assert folders == {
        "audit/load_log/_delta_log",
        "audit/rejects/_delta_log",
        *(name for name in folders if name.startswith("audit/load_log/part-")),
        *(f"bronze/{label.replace('.', '/')}" for label in LABELS),
        # What rcm verify compares with.
        "checksums.json",
        "landing/archive/codes",
        "landing/archive/payer",
    }
    # Nothing of it is on this machine.
    assert not (cloud.here.root / "lakehouse").exists()

    before = cloud.names("bronze")
    assert set(cloud.ingest().values()) == {"unchanged", "nothing"}
    assert cloud.names("bronze") == before


def test_what_is_new_is_added_and_a_resent_file_is_not(cloud: Cloud) -> None:
    cloud.ingest()
    cloud.here.sql("update visits set Amount = 11.00, ModifiedDate = '2024-01-03' where VisitID = 'V1'")
    cloud.drop("claims/b.csv", "ClaimID,Amount\nC3,3\n")
    cloud.drop("claims/c.csv", "ClaimID,Amount\nC1,1\nC2,2\n")

    results = ingest(cloud.settings, cloud.here.systems()).results

    assert [result.status for result in results if result.label == "payer.claims"] == ["committed", "duplicate_file"]
    assert cloud.rows("emr.visits", "VisitID") == ["V1", "V1", "V2"]
    assert cloud.rows("payer.claims", "ClaimID") == ["C1", "C2", "C3"]
    assert [name for name in cloud.names("landing") if not name.startswith("landing/archive/")] == []
    assert len(cloud.names("landing/archive/payer")) == 3


def test_a_file_that_nobody_asks_for_is_named_and_stays(cloud: Cloud) -> None:
    cloud.drop("claims/notes.txt", "ClaimID,Amount\nC9,9\n")

    assert ingest(cloud.settings, cloud.here.systems()).unclaimed == ("claims/notes.txt",)
    # The archive is not looked into.
    assert ingest(cloud.settings, cloud.here.systems()).unclaimed == ("claims/notes.txt",)
    assert "landing/claims/notes.txt" in cloud.names("landing")


# Moments at which a run that loads something of every table is killed.
MOMENTS = {
    "before the upload of a part": At(call="copy_from"),
    "after the first block of a part": At(call="close", caller="open_output"),
    "before the first commit of a table": At(call="create_table_with_add_actions"),
    "before a commit": At(call="create_write_transaction"),
    "between commit and archive": At(call="archive_file"),
    "in the middle of a move": At(call="copyfileobj", caller="move"),
    "between the copy and the delete of a move": At(call="delete", caller="move"),
    "after a move": At(call="_append", caller="_load_file", passes=1),
    "before the log": At(call="append", caller="_log_problem"),
    "within the log": At(call="write_deltalake"),
}


# And at moments of their own.
BY_CHANCE, KILLS_BY_CHANCE, LONGEST_RUN_SECONDS, SEED = "by chance", 5, 3.0, 5


def test_kills_lose_nothing_and_double_nothing(keyed: Cloud) -> None:
    task = keyed.task()
    visits, claims, files = ["V1", "V2"], ["C1", "C2"], [b"ClaimID,Amount\nC1,1\nC2,2\n"]
    killed = []
    chance = random.Random(SEED)  # noqa: S311 - repeatable, nothing secret
    for number, (name, moment) in enumerate([*MOMENTS.items(), *[(BY_CHANCE, At())] * KILLS_BY_CHANCE]):
        running_load = start(keyed.here.root, task, kill=moment)
        if name == BY_CHANCE:
            running_load.kill_after(chance.uniform(0.5, LONGEST_RUN_SECONDS))
        if running_load.end().killed and name != BY_CHANCE:
            killed.append(name)
        visits.append(f"N{number}")
        keyed.here.visit((visits[-1], "1.00", f"2024-02-{number + 1:02} 08:00:00"))
        for copy in "ab":
            claims.append(f"D{number}{copy}")
            content = f"ClaimID,Amount\n{claims[-1]},1\n"
            keyed.drop(f"claims/{number}{copy}.csv", content)
            files.append(content.encode())

    run(keyed.here.root, task)

    assert killed == list(MOMENTS)
    assert keyed.rows("emr.visits", "VisitID") == sorted(visits)
    assert keyed.rows("emr.wards", "WardID") == ["W1", "W2"]
    assert keyed.rows("payer.claims", "ClaimID") == sorted(claims)
    assert keyed.rows("codes.codes", "code") == ["A"]
    assert [name for name in keyed.names("landing") if not name.startswith("landing/archive/")] == []
    # A kill between copy and delete leaves the file in both places; the next run archives it a second time.
    archived = keyed.contents("landing/archive/payer")
    assert set(archived) == set(files)
    assert len(archived) <= len(files) + 1 + KILLS_BY_CHANCE
    log = audit_log(keyed.settings).results()
    logged = sorted(result.batch_id or "" for result in log if result.status == "committed")
    systems = keyed.here.systems()
    tables = [bronze_table(keyed.settings, spec) for system in systems for spec in system.tables]
    assert logged == sorted(batch.batch_id for table in tables for batch in table.batches())
    assert set(statuses(run(keyed.here.root, task).value).values()) == {"unchanged", "nothing"}


@pytest.mark.parametrize("source", ["emr", "payer"])
def test_of_two_runs_at_once_one_commits_and_the_other_says_so(keyed: Cloud, source: str) -> None:
    task = keyed.task(source)
    first = start(keyed.here.root, task, hold=At(call="create_table_with_add_actions"))
    first.wait_until_held()
    second = run(keyed.here.root, task).value
    first.go_on()
    late = first.end().value

    assert set(statuses(second).values()) == {"committed"}
    assert late.results[0].status == "conflict"
    assert not late.failed
    assert set(keyed.ingest().values()) <= {"unchanged", "nothing", "committed"}
    assert keyed.rows("emr.visits", "VisitID") == ["V1", "V2"]
    assert keyed.rows("payer.claims", "ClaimID") == ["C1", "C2"]


def test_rejected_lines_wait_in_azure_and_are_taken_again(keyed: Cloud) -> None:
    keyed.drop("claims/bad.csv", "ClaimID,Amount\nC8,8\nC9,9,9\n")
    keyed.ingest()
    [waiting] = keyed.names("landing/rejects")
    keyed.emulator.client(keyed.container).upload_blob(waiting, b"ClaimID,Amount\nC9,9\n", overwrite=True)

    results = redrive(keyed.settings, keyed.here.systems()).results

    assert [result.status for result in results] == ["committed"]
    assert keyed.rows("payer.claims", "ClaimID") == ["C1", "C2", "C8", "C9"]
    assert keyed.names("landing/rejects") == []
    [line] = audit_log(keyed.settings).rejected_lines().to_pylist()
    assert line["source_file"] == "claims/bad.csv"


def test_maintenance_compacts_and_loses_no_batch(keyed: Cloud) -> None:
    for number in range(3):
        keyed.drop(f"claims/{number}.csv", f"ClaimID,Amount\nE{number},1\n")
        keyed.ingest()

    done = {entry.label: entry for entry in maintain(keyed.settings, keyed.here.systems())}

    assert (done["payer.claims"].files_before, done["payer.claims"].files_after) == (4, 1)
    assert all(entry.problem is None for entry in done.values())
    assert keyed.rows("payer.claims", "ClaimID") == ["C1", "C2", "E0", "E1", "E2"]
    assert set(keyed.ingest().values()) == {"unchanged", "nothing"}


def test_duckdb_reads_bronze_and_audit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", cloud.emulator.endpoint.rpartition("/")[0])
    cloud.ingest()
    with duckdb.connect(":memory:") as engine:
        load_delta(engine, cloud.settings.lakehouse)
        visits, logged = (
            engine.execute(f"select count(*) from delta_scan('az://{cloud.container}/{folder}')").fetchall()
            for folder in ("bronze/emr/visits", "audit/load_log")
        )
        shown = str(engine.execute("from duckdb_secrets()").fetchall())
    assert (visits, logged) == ([(2,)], [(4,)])
    assert cloud.emulator.key not in shown
    assert cloud.connection.split("sig=")[-1] not in shown


def test_an_error_of_duckdb_shows_no_signature(keyed: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", keyed.emulator.endpoint.rpartition("/")[0])
    keyed.ingest()
    connection = keyed.emulator.with_sas(keyed.container, permission="a")
    signature = connection.split("sig=")[1]
    with duckdb.connect(":memory:") as engine:
        load_delta(engine, Location(keyed.emulator.url(keyed.container), connection))
        for relation in ("glob('{}/*')", "delta_scan('{}')", "read_parquet('{}/*.parquet')"):
            with pytest.raises(duckdb.Error) as raised:
                engine.execute(f"from {relation.format(f'az://{keyed.container}/bronze/emr/visits')}")
            assert signature not in str(raised.value)
            assert unquote(signature) not in str(raised.value)


def test_a_signature_for_reading_is_enough_to_plan_and_to_tell_the_status(keyed: Cloud) -> None:
    keyed.ingest()
    reader = replace(keyed, connection=keyed.emulator.with_sas(keyed.container, permission="rl"))

    planned = plan_all(reader.settings, selected_tables(reader.here.systems()))

    assert {load.action for load in planned} == {"load", "nothing"}
    assert len(audit_log(reader.settings).results()) == len(LABELS)


@pytest.mark.parametrize("command", ["plan", "ingest", "status"])
def test_a_lakehouse_that_cannot_be_reached_is_one_line_within_a_minute(tmp_path: Path, command: str) -> None:
    Lakehouse.create(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = Azurite(f"http://127.0.0.1:{free.getsockname()[1]}/{ACCOUNT}", "aHVzaGh1c2g=")
    values = {"RCM_LAKEHOUSE": nobody.url("lake"), "RCM_STORAGE_CONNECTION": nobody.with_key}

    done = subprocess.run(
        [Path(PYTHON).parent / "rcm", command],
        cwd=tmp_path,
        env={**ENVIRONMENT, **values},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    [line, step] = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"error: {nobody.url('lake')}")
    assert line.endswith("storage cannot be reached")
    assert step.startswith("next: check the account's name")


def test_the_command_line_ingests_builds_and_tells_the_status(keyed: Cloud, tmp_path: Path) -> None:
    keyed.here.sql("create table departments (DeptID text, Name text)")
    keyed.here.sql("insert into departments values (?, ?)", ("DEPT001", "Cardiology"), ("DEPT002", "Oncology"))
    values = {
        **keyed.values,
        "RCM_HOSPITAL_A_URL": f"sqlite:///{tmp_path / 'emr.db'}",
        "AZURITE_BLOB_STORAGE_URL": keyed.emulator.endpoint.rpartition("/")[0],
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_PROFILES_DIR": str(PROJECT / "profiles"),
    }

    def command(*words: str) -> str:
        done = subprocess.run(
            [Path(PYTHON).parent / words[0], *words[1:]],
            cwd=PROJECT,
            env={**ENVIRONMENT, **values},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        assert keyed.emulator.key not in done.stdout + done.stderr
        return done.stdout

    command("rcm", "ingest", "--source", "hospital_a", "--table", "departments")
    command("dbt", "run", "--select", "+stg_departments", "--target", "duckdb")
    told = json.loads(command("rcm", "status", "--json"))

    with duckdb.connect(values["RCM_WAREHOUSE"], read_only=True) as engine:
        load_delta(engine, keyed.settings.lakehouse)
        assert engine.execute("select count(*) from silver.stg_departments").fetchall() == [(2,)]
    [departments] = [entry for entry in told["tables"] if entry["table"] == "departments" and entry["rows"] == 2]
    assert departments["system"] == "hospital_a"
    for log in (tmp_path / "logs").rglob("*"):
        assert keyed.emulator.key not in log.read_text()
