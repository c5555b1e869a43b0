"""A table that was declared wrong is started again: the old rows are set aside and nothing is lost."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from deltalake import DeltaTable

from ingestion.base.errors import SpecError
from ingestion.bronze.places import audit_log
from ingestion.bronze.set_aside import SetAside, set_aside, tables_set_aside
from ingestion.loads.states import table_states
from ingestion.sources.control_table import load_systems
from tests.python.ingestion.conftest import CLAIMS, CODES, VISITS, WARDS, Project, source


def restart(project: Project, system: str, *tables: str) -> list[SetAside]:
    return set_aside(project.settings(), system, tables or None, status="restarted", who="ann", reason="declared wrong")


def claims(project: Project) -> list[object]:
    return [row["ClaimID"] for row in project.bronze("payer.claims")]


def test_a_column_that_was_declared_wrong_gets_its_type(project: Project) -> None:
    wrong = deepcopy(VISITS)
    wrong["columns"][2]["data_type"] = "string"
    declared = [
        source("emr", "database", "TEST_EMR_URL", f"sqlite:///{project.database}", [wrong, WARDS]),
        source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [CLAIMS]),
    ]
    project.declare(declared)
    project.visit(("V1", "1.00", "2024-01-01", "2024-01-01 08:00:00"))
    project.sql("insert into wards values ('W1', 'Ward')")
    project.ingest()
    declared[0]["tables"] = [VISITS, WARDS]
    project.declare(declared)
    refused = project.load("emr.visits", full=True)
    assert refused.status == "failed"
    assert "rcm restart emr" in str(refused.message)

    [entry] = restart(project, "emr", "visits")

    assert (entry.label, entry.batches, entry.rows, entry.who) == ("emr.visits", 1, 1, "ann")
    assert project.load("emr.visits").status == "committed"
    assert str(project.bronze("emr.visits")[0]["VisitDate"]) == "2024-01-01"
    # Nothing is destroyed, and the other table went on.
    [(kept, place)] = tables_set_aside(project.settings())
    assert (kept, DeltaTable(place.url).to_pyarrow_table().num_rows) == (entry, 1)
    assert project.commits("emr.wards") == 1
    # Who, when and why are in the load log, and the table's rows are those it has now.
    [row] = [result for result in project.log() if result.status == "restarted"]
    assert (row.label, row.message) == ("emr.visits", "ann: declared wrong")
    states = table_states(audit_log(project.settings()), load_systems(project.root, Path("models/bronze")))
    assert {state.table: state.rows for state in states if state.system == "emr"} == {"visits": 1, "wards": 1}


def test_files_come_again_from_the_archive_in_their_order(project: Project) -> None:
    project.drop("claims/b.csv", "ClaimID,Amount\nC1,1.00\n")
    project.ingest(source="payer")
    # A correction under the same name, and a file whose name sorts before both.
    project.drop("claims/b.csv", "ClaimID,Amount\nC1,2.00\n")
    project.ingest(source="payer")
    project.drop("claims/a.csv", "ClaimID,Amount\nC2,5.00\nC3\n")
    project.ingest(source="payer")
    archived = sorted(path.name for path in (project.landing / "archive").rglob("*.csv"))
    restart(project, "payer")
    # A kill: the first file was loaded, the others were not.
    last = (project.landing / "archive" / "payer" / "claims" / archived[-1]).rename(project.root / "away.csv")
    project.drop("claims/new.csv", "ClaimID,Amount\nC9,9.00\n")
    first = project.ingest(source="payer")
    assert [result.status for result in first.results] == ["committed", "committed", "failed"]
    assert "claims/a.csv: is no longer in the archive" in str(first.results[-1].message)
    assert claims(project) == ["C1", "C1"]

    last.rename(project.landing / "archive" / "payer" / "claims" / archived[-1])
    project.ingest(source="payer")

    assert [(row["ClaimID"], row["Amount"]) for row in project.bronze("payer.claims")] == [
        *(("C1", "1.00"), ("C1", "2.00"), ("C2", "5.00"), ("C9", "9.00")),
    ]
    assert {result.status for result in project.ingest(source="payer").results} == {"nothing"}
    restart(project, "payer")
    project.ingest(source="payer")
    assert claims(project) == ["C1", "C1", "C2", "C9"]


def test_a_list_that_is_one_file_comes_again_with_its_history(project: Project) -> None:
    for text in ("Review", "Visit", "Review"):
        project.drop("codes/codes.csv", f"code,text\n1,{text}\n")
        project.ingest(source="codes")
    restart(project, "codes")
    project.ingest(source="codes")
    assert [row["text"] for row in project.bronze("codes.codes")] == ["Review", "Visit", "Review"]
    assert CODES["name"] == "codes"


def test_what_was_removed_stays_away_and_a_note_without_a_table_counts_for_nothing(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1.00\n")
    project.ingest(source="payer")
    settings = project.settings()
    set_aside(settings, "payer", None, status="removed", who="ann", reason="sold")
    project.ingest(source="payer")
    assert claims(project) == []
    with pytest.raises(SpecError, match="payer: bronze holds nothing of it"):
        restart(project, "payer")
    # A run that was killed before it moved anything.
    [note] = (project.root / "lakehouse" / "set_aside").glob("*/note.json")
    killed = note.parent.with_name("20990101T000000000000-payer.claims")
    killed.mkdir()
    (killed / "note.json").write_text(json.dumps({**json.loads(note.read_text()), "status": "restarted"}))
    assert [entry.status for entry, _ in tables_set_aside(settings)] == ["removed"]


def test_a_log_that_a_kill_left_without_the_note_is_completed(project: Project) -> None:
    project.drop("claims/a.csv", "ClaimID,Amount\nC1,1.00\n")
    project.ingest(source="payer")
    restart(project, "payer")
    before = [result for result in project.log() if result.status == "restarted"]
    audit = project.root / "lakehouse" / "audit"
    for folder in sorted(audit.rglob("*"), reverse=True):
        folder.unlink() if folder.is_file() else folder.rmdir()
    project.ingest(source="payer")
    assert [result for result in project.log() if result.status == "restarted"] == before
