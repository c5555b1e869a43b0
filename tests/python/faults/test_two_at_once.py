"""Two concurrent processes on one lakehouse: one wins, the other reports it, nothing is lost or duplicated."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from ingestion.base.errors import LoadConflictError
from ingestion.bronze import Appended
from ingestion.bronze.extraction import Extraction
from ingestion.loads.load import IngestSummary
from rcm.cli import app
from tests.python.faults.lakehouse import (
    Lakehouse,
    account,
    ingest_here,
    maintain_here,
    unreferenced,
)
from tests.python.faults.processes import At, run, start

COMMIT = At(call="_commit")


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    made = Lakehouse.create(tmp_path)
    made.visit(("V1", "10.50", "2024-01-01 08:00:00"), ("V2", "7.00", "2024-01-02"))
    made.ward(("W1", "North"))
    return made


def rcm_here(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command line."""
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def append_here(label: str, key: str) -> str:
    """Append one row to a table of codes without any lock, as processes on two machines would."""
    bronze = Lakehouse(Path.cwd()).table(label)
    rows = pa.record_batch({"code": [key], "text": [key]})
    try:
        appended: Appended = bronze.append(Extraction(iter([rows]), "incremental", drop_known=True), f"run-{key}")
    except LoadConflictError as error:
        return str(error)
    return "committed" if appended.batch is not None else "nothing"


def statuses(summary: IngestSummary) -> dict[str, str]:
    return {result.label: result.status for result in summary.results}


def logged(lakehouse: Lakehouse) -> Counter[Any]:
    return account(lakehouse).audit


def test_of_two_ingests_of_one_table_one_loads_it_and_the_other_says_so_and_exits_with_0(lakehouse: Lakehouse) -> None:
    first = start(lakehouse.root, partial(ingest_here, "emr", "visits"), hold=COMMIT)
    first.wait_until_held()

    code, output = run(lakehouse.root, partial(rcm_here, "ingest", "-s", "emr", "-t", "visits")).value
    first.go_on()

    assert code == 0
    assert "emr.visits: another run is loading this table; this one skipped it" in output
    assert statuses(first.end().value) == {"emr.visits": "committed"}
    assert sum(logged(lakehouse).values()) == 1
    found = account(lakehouse)
    assert [len(batch["rows"]) for batch in found.batches["emr.visits"]] == [2]
    assert found.orphans == []


def test_loads_of_two_tables_at_once_do_not_disturb_each_other(lakehouse: Lakehouse) -> None:
    first = start(lakehouse.root, partial(ingest_here, "emr", "visits"), hold=COMMIT)
    second = start(lakehouse.root, partial(ingest_here, "emr", "wards"), hold=COMMIT)
    for running in (first, second):
        running.wait_until_held()
    for running in (second, first):
        running.go_on()

    assert statuses(second.end().value) == {"emr.wards": "committed"}
    assert statuses(first.end().value) == {"emr.visits": "committed"}
    assert logged(lakehouse) == {(("emr.visits", 0), 2): 1, (("emr.wards", 0), 1): 1}


def test_a_batch_is_logged_once_though_another_run_caught_up_with_it_first(lakehouse: Lakehouse) -> None:
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2,2,3\n")
    first = start(lakehouse.root, ingest_here, hold=At(call="append", caller="_log_problem"))
    first.wait_until_held()
    run(lakehouse.root, ingest_here)
    first.go_on()
    first.end()

    assert set(logged(lakehouse).values()) == {1}
    assert sum(logged(lakehouse).values()) == 4


@pytest.mark.parametrize("is_new", [True, False], ids=["no log yet", "a log"])
def test_two_runs_that_catch_up_at_once_log_each_batch_once(lakehouse: Lakehouse, is_new: bool) -> None:
    if not is_new:
        run(lakehouse.root, ingest_here)
        lakehouse.visit(("V3", "1.00", "2024-01-03"))
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2,2,3\n")
    assert run(lakehouse.root, ingest_here, kill=At(call="append", caller="_log_problem")).killed
    before_write = At(call="write_deltalake")
    both = [start(lakehouse.root, ingest_here, hold=before_write) for _ in range(2)]
    for running in both:
        running.wait_until_held()
    for running in both:
        running.go_on()
    for running in both:
        running.end()

    assert set(logged(lakehouse).values()) == {1}


@pytest.mark.parametrize("is_new", [True, False], ids=["first batch", "next batch"])
def test_without_a_lock_delta_s_own_commit_decides(lakehouse: Lakehouse, is_new: bool) -> None:
    if not is_new:
        run(lakehouse.root, partial(append_here, "codes.codes", "A"))
    both = [start(lakehouse.root, partial(append_here, "codes.codes", key), hold=COMMIT) for key in ("B", "C")]
    for running in both:
        running.wait_until_held()
    outcomes = []
    for running in both:
        running.go_on()
        outcomes.append(running.end().value)

    message = "another run committed to this table meanwhile, nothing was written; run rcm ingest again"
    assert outcomes == ["committed", message]
    held = [row["code"] for batch in account(lakehouse).batches["codes.codes"] for row in batch["rows"]]
    assert held == (["B"] if is_new else ["A", "B"])
    assert unreferenced(lakehouse.root / "lakehouse" / "bronze" / "codes" / "codes") == []


@pytest.fixture
def elsewhere(lakehouse: Lakehouse) -> str:
    """The same lakehouse from a machine that sees none of this one's locks."""
    other = lakehouse.root / "elsewhere"
    other.mkdir()
    for name in ("bronze", "audit", "landing"):
        (lakehouse.root / "lakehouse" / name).mkdir(parents=True, exist_ok=True)
        (other / name).symlink_to(lakehouse.root / "lakehouse" / name)
    return "elsewhere"


@pytest.mark.parametrize(
    "held_at",
    [At(call="_load_file"), At(call="append", caller="_append"), At(call="keep_rejects"), At(call="archive_file")],
    ids=["planned", "opened", "loaded", "rejects kept"],
)
def test_a_landing_file_that_two_machines_take_is_loaded_and_archived_once(
    lakehouse: Lakehouse, elsewhere: str, held_at: At
) -> None:
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2,2,3\n")
    second = start(lakehouse.root, partial(ingest_here, "payer", RCM_LAKEHOUSE=elsewhere), hold=held_at)
    second.wait_until_held()
    first = run(lakehouse.root, partial(ingest_here, "payer")).value
    second.go_on()

    outcomes = sorted(result.status for summary in (first, second.end().value) for result in summary.results)
    assert outcomes in (["committed", "conflict"], ["committed", "duplicate_file"])
    run(lakehouse.root, ingest_here)
    found = account(lakehouse)
    assert [len(batch["rows"]) for batch in found.batches["payer.claims"]] == [1]
    assert (len(found.landing), sum(found.archive.values()), sum(found.rejects.values())) == (0, 1, 1)
    assert set(found.audit.values()) == {1}
    assert found.orphans == []


def test_a_file_that_another_machine_committed_and_not_yet_archived_is_not_loaded_again(
    lakehouse: Lakehouse, elsewhere: str
) -> None:
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1\n")
    second = start(
        lakehouse.root,
        partial(ingest_here, "payer", RCM_LAKEHOUSE=elsewhere),
        hold=At(call="append", caller="_append"),
    )
    second.wait_until_held()
    first = start(lakehouse.root, partial(ingest_here, "payer"), hold=At(call="archive_file"))
    first.wait_until_held()
    second.go_on()

    assert statuses(second.end().value) == {"payer.claims": "conflict"}
    first.go_on()
    assert statuses(first.end().value) == {"payer.claims": "committed"}
    assert len(account(lakehouse).batches["payer.claims"]) == 1


def test_what_was_read_before_another_machine_s_commit_does_not_replace_it(
    lakehouse: Lakehouse, elsewhere: str
) -> None:
    second = start(
        lakehouse.root,
        partial(ingest_here, "emr", "wards", RCM_LAKEHOUSE=elsewhere),
        hold=At(call="append", caller="_append"),
    )
    second.wait_until_held()
    lakehouse.ward(("W2", "South"))
    run(lakehouse.root, partial(ingest_here, "emr", "wards"))
    second.go_on()

    assert statuses(second.end().value) == {"emr.wards": "conflict"}
    assert [len(batch["rows"]) for batch in account(lakehouse).batches["emr.wards"]] == [2]


def test_a_correction_that_arrives_before_the_archive_is_the_next_run_s(lakehouse: Lakehouse) -> None:
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1\nC2,2,3\n")
    first = start(lakehouse.root, partial(ingest_here, "payer"), hold=At(call="keep_rejects"))
    first.wait_until_held()
    first.go_on(At(call="archive_file"))
    first.wait_until_held()
    lakehouse.drop("claims/a.csv", "ClaimID,Amount\nC1,1.10\n")
    first.go_on()
    first.end()
    run(lakehouse.root, ingest_here)

    found = account(lakehouse)
    amounts = [row["Amount"] for batch in found.batches["payer.claims"] for row in batch["rows"]]
    assert amounts == ["1", "1.10"]
    assert found.landing == []


def test_maintain_leaves_a_table_alone_that_is_being_loaded(lakehouse: Lakehouse) -> None:
    first = start(lakehouse.root, partial(ingest_here, "emr", "visits"), hold=COMMIT)
    first.wait_until_held()
    done = run(lakehouse.root, maintain_here).value
    first.go_on()

    assert {entry.label: entry.problem for entry in done}["emr.visits"] == "is being loaded"
    assert statuses(first.end().value) == {"emr.visits": "committed"}


def test_an_ingest_during_a_compaction_loses_no_row(lakehouse: Lakehouse, elsewhere: str) -> None:
    for day in (3, 4):
        run(lakehouse.root, ingest_here)
        lakehouse.visit((f"V{day}", "1.00", f"2024-01-0{day}"))
    maintaining = start(lakehouse.root, partial(maintain_here), hold=At(call="compact"))
    maintaining.wait_until_held()
    beside = run(lakehouse.root, partial(ingest_here, "emr", "visits")).value
    from_elsewhere = run(lakehouse.root, partial(ingest_here, "emr", "visits", RCM_LAKEHOUSE=elsewhere)).value
    maintaining.go_on()
    maintaining.end()

    found = account(lakehouse)
    assert statuses(beside)["emr.visits"] in ("conflict", "committed")
    assert sorted(row["VisitID"] for batch in found.batches["emr.visits"] for row in batch["rows"]) == [
        "V1",
        "V2",
        "V3",
        "V4",
    ]
    assert statuses(from_elsewhere)["emr.visits"] in ("unchanged", "committed")
    assert found.orphans == []
