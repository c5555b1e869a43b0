"""Headers and file names that hold patients' values: nowhere quoted, whatever shows messages."""

import json

import pytest
import yaml

from ingestion.base.names import shown_column, shown_file
from ingestion.loads.alerts import alert_failures, failed_loads
from tests.python.ingestion.conftest import Project
from tests.python.ingestion.scripted_server import Answer, serve

CANARIES = ("Garcia", "Maria", "123-45-6789", "123456789", "MRN0012345", "1961", "4711.50", "Elm Street")
RECORD = "Garcia,Maria,123-45-6789,MRN0012345,1961-03-14,4711.50,12 Elm Street"


def everything_said(project: Project, capsys: pytest.CaptureFixture[str]) -> str:
    """Every message of a run: results, audit tables, alert, terminal and what rcm plan and status would show."""
    summary = project.ingest()
    log = project.log()
    with serve(lambda _: Answer()) as hook:
        alert_failures({"RCM_ALERT_URL": hook.url}, summary.run_id, failed_loads(summary.results))
        alerts = [request.body for request in hook.requests]
    captured = capsys.readouterr()
    said = [repr(summary), repr(log), *alerts, captured.out, captured.err, *summary.unclaimed]
    return "\n".join(said)


@pytest.mark.parametrize(
    "content",
    [
        # The header lacks its line end.
        f"ClaimID,Amount{RECORD}\nC2,2\n",
        f"ClaimID,{RECORD}\nC2,2\n",
        # Its last declared column is cut short.
        f"ClaimID,Amou{RECORD}\n",
        # All declared columns, and a record behind them.
        f"ClaimID,Amount,Note{RECORD}\nC2,2\n",
        f"Amount,ClaimID,{RECORD}\nC2,2\n",
        # No header at all.
        f"{RECORD}\n{RECORD}\n",
        f"{RECORD.replace(',', ';')}\n",
        # A header twice, with a value.
        f"ClaimID,Amount,Amount,{RECORD}\n",
    ],
)
@pytest.mark.parametrize("contract", ["discard", "freeze", "evolve"])
def test_no_message_quotes_a_header_that_holds_a_record(
    project: Project, capsys: pytest.CaptureFixture[str], content: str, contract: str
) -> None:
    declaration = project.root / "models" / "bronze" / "sources.yml"
    declaration.write_text(with_contract(declaration.read_text(), contract))
    project.drop("claims/a.csv", content)

    said = everything_said(project, capsys)

    assert [canary for canary in CANARIES if canary in said] == []
    # Nor is a column of bronze called by a value.
    assert not any(canary in json.dumps(sorted(columns(project))) for canary in CANARIES)


def with_contract(text: str, contract: str) -> str:
    """The control table with a contract of columns for claims."""
    declared = yaml.safe_load(text)
    for system in declared["sources"]:
        for table in system["tables"]:
            if table["name"] == "claims":
                table["config"]["meta"]["contract"] = {"columns": contract}
    return yaml.safe_dump(declared, sort_keys=False)


def columns(project: Project) -> set[str]:
    rows = project.bronze("payer.claims")
    return {name for row in rows for name in row}


NAMES = (
    "claims/Garcia_Maria_123-45-6789.csv",
    "claims/MRN0012345.csv",
    "claims/a_123456789_Garcia.csv",
    "claims/Maria Garcia 1961-03-14.csv",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ["ClaimID,Amount\nC1,1\nC2,2,2\n", "nothing,of,ours\n"], ids=["loads", "fails"])
def test_no_message_names_a_file_by_a_patient(
    project: Project, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    project.drop(name, content)
    project.drop(name.replace(".csv", ".txt"), content)

    said = everything_said(project, capsys)

    assert [canary for canary in CANARIES if canary in said] == []
    assert {row["_source_file"] for row in project.bronze("payer.claims")} <= {shown_file(name, ["claims/*.csv*"])}
    # A second run finds what the first one left.
    said = everything_said(project, capsys)
    assert [canary for canary in CANARIES if canary in said] == []


def test_a_redrive_of_such_a_file_knows_a_newer_one(project: Project) -> None:
    name = NAMES[0]
    project.drop(name, "ClaimID,Amount\nC1,1\nC2,2,2\n")
    project.ingest()
    project.drop(name, "ClaimID,Amount\nC1,1\nC2,3\n")
    project.ingest()
    [result] = project.redrive()
    assert result.status == "failed"
    assert "came again as batch" in (result.message or "")
    assert not any(canary in (result.message or "") for canary in CANARIES)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("PaidAmt", "PaidAmt"),
        ("patient_id", "patient_id"),
        ("Amount2", "7"),
        ("AmountC1", "7"),
        ("Garcia", "7"),
        ("LastNameGarcia", "7"),
        ("12", "7"),
        ("2024-01-01", "7"),
        ("Claim" * 20, "7"),
        ("", "7"),
    ],
)
def test_a_column_is_named_by_known_words_only(name: str, shown: str) -> None:
    assert shown_column(name, 7, ("ClaimID", "Amount", "LastName")) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("claims/hospital_a_claims_2024-12.csv", "claims/hospital_a_claims_2024-12.csv"),
        ("claims/20241203_part3.csv.gz", "claims/20241203_part3.csv.gz"),
        ("remits/north_835_202412.txt", "remits/north_835_202412.txt"),
        ("claims/Smith_John.csv", "claims/~_~.csv"),
        ("claims/19610314.csv", "claims/~.csv"),
        ("claims/555-12-3456.csv", "claims/~.csv"),
        ("claims/555_123_4567.csv", "claims/~.csv"),
        ("claims/A1234567.csv", "claims/~.csv"),
    ],
)
def test_a_file_keeps_what_identifies_nobody(name: str, shown: str) -> None:
    assert shown_file(name, ("claims/*", "remits/north_*")) == shown
