"""Unmatched landing files: reported, never read, and no failure of a run."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingestion.base.storage import Location
from ingestion.loads.unclaimed import unclaimed_line
from rcm.cli import app
from tests.python.ingestion.conftest import CLAIMS, CODES, Project, source

# The control table takes claims/*.csv* and codes/*.csv.
NOBODYS = ("Claims/a.csv", "claims/a.CSV", "claims/a.txt", "claims/older/a.csv", "notes.csv")
HINT = "rename it (capitals count), correct load.files, or move it away"


@pytest.fixture
def dropped(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """One file that is read and one that is not, and an EMR without rows to delete."""
    for name in ("RCM_BRONZE", "RCM_LANDING", "RCM_LAKEHOUSE", "RCM_ALERT_URL"):
        monkeypatch.delenv(name, raising=False)
    project.sql("insert into wards values ('W1', 'North')")
    project.drop("claims/good.csv", "ClaimID,Amount\nC1,1\n")
    project.drop("claims/good.txt", "ClaimID,Amount\nC2,2\n")
    return project


def rcm(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("command", ["plan", "ingest"])
def test_it_is_one_warning_of_a_run_that_succeeds(dropped: Project, command: str) -> None:
    result = rcm(command)

    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        "warning: 1 file in the landing folder matches no pattern of the control table, nothing reads it: "
        "claims/good.txt",
        f"next: {HINT}",
    ]
    assert (dropped.landing / "claims" / "good.txt").exists()


@pytest.mark.usefixtures("dropped")
def test_the_status_has_it_until_it_is_moved_away(dropped: Project) -> None:
    rcm("ingest")
    shown = rcm("status")
    assert shown.exit_code == 0
    assert "nothing reads it: claims/good.txt" in shown.stdout
    assert json.loads(rcm("status", "--json").stdout)["unclaimed_files"] == ["claims/good.txt"]

    (dropped.landing / "claims" / "good.txt").rename(dropped.landing / "claims" / "better.csv")
    assert json.loads(rcm("ingest", "--json").stdout)["unclaimed_files"] == []
    assert "no pattern" not in rcm("status").stdout


def test_machines_hear_of_it(dropped: Project) -> None:
    result = rcm("ingest", "--json")

    assert json.loads(result.stdout)["unclaimed_files"] == ["claims/good.txt"]
    events = [json.loads(line) for line in (dropped.root / "logs" / "rcm.jsonl").read_text().splitlines()]
    [event] = [event for event in events if event["event"] == "files_unclaimed"]
    assert (event["level"], event["files"]) == ("warning", ["claims/good.txt"])


@pytest.mark.usefixtures("dropped")
def test_a_run_of_a_database_does_not_look_for_it() -> None:
    assert rcm("ingest", "--source", "emr").stderr == ""


def test_every_name_that_no_pattern_fits_is_found_and_nothing_else(project: Project) -> None:
    project.drop("claims/good.csv.gz", b"not yet looked into")
    for name in NOBODYS:
        project.drop(name, "x")
    project.drop("archive/anything.csv", "x")
    project.drop("claims/.good.csv.part", "a transfer that goes on")
    project.drop(".keep/a", "")
    project.drop("rejects/payer/claims/20240101T000000000000-payer.claims_a.csv", "ClaimID,Amount\n")
    project.drop("rejects/payer/bills/20240101T000000000000-payer.bills_a.csv", "a table that is gone")

    assert project.ingest(source="payer").unclaimed == (
        *NOBODYS,
        "rejects/payer/bills/20240101T000000000000-payer.bills_a.csv",
    )


def test_a_folder_within_a_folder_has_its_own_patterns_and_archive(project: Project) -> None:
    project.declare(
        [
            source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [CLAIMS]),
            source("codes", "files", "TEST_CODES", "{lakehouse}/landing/inbox", [CODES]),
        ]
    )
    project.drop("inbox/codes/a.csv", "code,text\nA,x\n")
    project.drop("inbox/codes/a.txt", "x")

    assert project.ingest().unclaimed == ("codes/a.txt", "inbox/codes/a.txt")


def test_files_of_a_system_that_is_left_out_are_not_called_nobodys(dropped: Project) -> None:
    dropped.write("models/bronze/broken.yml", "sources: [")

    assert "no pattern" not in rcm("ingest").stderr
    assert json.loads(rcm("status", "--json").stdout)["unclaimed_files"] == []


def test_many_names_are_one_line_that_counts_the_rest() -> None:
    line = unclaimed_line([f"{number}.txt" for number in range(12)])

    assert line.startswith(
        "12 files in the landing folder match no pattern of the control table, nothing reads them: 0"
    )
    assert ", 4.txt and 7 more; rename them" in line


@pytest.mark.parametrize("pattern", ["claims/*.csv*", "*.csv", "**/*.csv", "[Cc]laims/?.csv", "claims/**", "*"])
def test_a_pattern_holds_what_it_finds(tmp_path: Path, pattern: str) -> None:
    folder = Location(str(tmp_path))
    for name in (*NOBODYS, "claims/b.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    found = folder.find(pattern)

    assert found
    assert {name for name in folder.contents() if folder.holds(folder / name, pattern)} == set(found)
