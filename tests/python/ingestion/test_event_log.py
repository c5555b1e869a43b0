"""Events are JSON lines with times in UTC and without data values; a log that cannot be written stops nothing."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.base.secret_store import reveal
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.audit import LoadResult
from ingestion.loads.event_log import EventLog
from ingestion.loads.progress import Progress

HIDDEN = "of-the-event-log"
COMMITTED = LoadResult(
    run_id="run-1",
    system="emr",
    table="visits",
    status="committed",
    started_at=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    seconds=1.5,
    load_type="incremental",
    batch_id="batch-1",
    watermark_low="hidden-low",
    watermark_high="hidden-high",
    rows_read=10,
    rows_written=7,
    rows_duplicate=2,
    rows_rejected=1,
    money_checksum="Amount=hidden-sum",
    checks_evaluated=12,
    checks_failed="Amount is required",
    source_file="hidden-file.csv",
)
FAILED = LoadResult(
    run_id="run-1",
    system="emr",
    table="wards",
    status="failed",
    started_at=COMMITTED.started_at,
    error_class="SourceUnavailableError",
    message=f"no connection to postgresql://etl:{HIDDEN}@host",
)


def events(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def project(folder: Path, **values: str) -> Settings:
    return Settings(folder, "models/bronze", Location.parse("lakehouse", folder), folder / "w.duckdb", values)


def test_a_run_is_told_from_its_start_to_its_end(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    with EventLog.of_project(project(tmp_path)) as log:
        progress: Progress = log
        log.run_started("run-1")
        progress.started("emr.visits")
        progress.advanced("emr.visits", 10)
        progress.finished(COMMITTED)
        log.run_finished([COMMITTED], 2.5)
    reported = events(tmp_path / "logs" / "rcm.jsonl")
    for event in reported:
        moment = event.pop("at")
        assert moment.endswith("Z")
        assert before <= datetime.fromisoformat(moment) <= before + timedelta(minutes=1)
    of_load = {"run_id": "run-1", "system": "emr", "table": "visits"}
    outcome = {
        "event": "load_finished",
        "level": "info",
        "status": "committed",
        "load_type": "incremental",
        "batch_id": "batch-1",
        "rows_read": 10,
        "rows_written": 7,
        "rows_rejected": 1,
        "rows_duplicate": 2,
        "seconds": 1.5,
        "error_class": None,
        "message": None,
    }
    border = {"batch_id": "batch-1", "evaluated": 12, "failed": "Amount is required"}
    totals = {"loads": 1, "failed": 0, "rows_read": 10, "rows_written": 7, "seconds": 2.5}
    assert reported == [
        {"event": "run_started", "level": "info", "run_id": "run-1"},
        {"event": "load_started", "level": "info", **of_load},
        of_load | outcome,
        {"event": "border_checked", "level": "warning", **of_load, **border},
        {"event": "run_finished", "level": "info", "run_id": "run-1", **totals},
    ]


def test_a_failure_is_an_error_with_its_class_and_its_message_masked(tmp_path: Path) -> None:
    reveal("secret://event-log", {"RCM_SECRET_EVENT_LOG": HIDDEN})
    with EventLog(tmp_path / "rcm.jsonl") as log:
        log.finished(FAILED)
        log.run_finished([COMMITTED, FAILED], 1)
        log.alerted(None)
        log.alerted(f"not taken by https://host/{HIDDEN}")
    failed, ended, sent, unsent = events(tmp_path / "rcm.jsonl")
    assert (failed["level"], failed["error_class"]) == ("error", "SourceUnavailableError")
    assert failed["message"] == "no connection to postgresql://etl:***@host"
    assert (ended["level"], ended["loads"], ended["failed"]) == ("error", 2, 1)
    assert (sent["event"], unsent["event"]) == ("alert_sent", "alert_not_sent")
    assert unsent["message"] == "not taken by https://host/***"


def test_no_value_of_the_data_is_in_an_event(tmp_path: Path) -> None:
    with EventLog(tmp_path / "rcm.jsonl") as log:
        log.finished(COMMITTED)
    assert "hidden" not in (tmp_path / "rcm.jsonl").read_text(encoding="utf-8")


def test_loads_that_end_at_once_are_whole_lines(tmp_path: Path) -> None:
    with EventLog(tmp_path / "rcm.jsonl") as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(log.finished, [FAILED] * 400))
    assert len(events(tmp_path / "rcm.jsonl")) == 400


def test_a_later_run_adds_to_the_file(tmp_path: Path) -> None:
    for run in ("run-1", "run-2"):
        with EventLog(tmp_path / "rcm.jsonl") as log:
            log.run_started(run)
    assert [event["run_id"] for event in events(tmp_path / "rcm.jsonl")] == ["run-1", "run-2"]


def test_files_and_their_number_are_bounded(tmp_path: Path) -> None:
    with EventLog(tmp_path / "rcm.jsonl", largest_file=2000) as log:
        for _ in range(100):
            log.finished(FAILED)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["rcm.jsonl", *(f"rcm.jsonl.{number}" for number in range(1, 6))]
    for name in files:
        assert (tmp_path / name).stat().st_size <= 2000
        assert events(tmp_path / name)


@pytest.mark.parametrize(("values", "shown"), [({"RCM_LOG": "json"}, True), ({}, False), ({"RCM_LOG": "no"}, False)])
def test_events_are_on_standard_error_where_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: dict[str, str], shown: bool
) -> None:
    with EventLog.of_project(project(tmp_path, **values)) as log:
        log.run_started("run-1")
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == ((tmp_path / "logs" / "rcm.jsonl").read_text(encoding="utf-8") if shown else "")


def test_a_folder_that_cannot_be_made_is_one_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file stands where the folder would be")
    with EventLog.of_project(project(tmp_path, RCM_LOG="json")) as log:
        log.run_started("run-1")
        log.finished(FAILED)
    warning, *reported = capsys.readouterr().err.splitlines()
    assert warning == "warning: logs/rcm.jsonl cannot be written (File exists); the run goes on without it"
    assert [json.loads(line)["event"] for line in reported] == ["run_started", "load_finished"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_a_full_disk_is_one_warning_and_the_log_goes_on_with_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rcm.jsonl"
    file.symlink_to("/dev/full")
    with EventLog(file) as log:
        log.run_started("run-1")
        log.finished(FAILED)
        file.unlink()
        log.finished(COMMITTED)
    assert capsys.readouterr().err.count("warning: ") == 1
    assert [event["event"] for event in events(file)] == ["load_finished", "border_checked"]


def test_a_reader_of_standard_error_that_went_away_stops_nothing(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from ingestion.loads.event_log import EventLog\n"
        "reading, writing = os.pipe(); os.dup2(writing, 2); os.close(writing); os.close(reading)\n"
        f"with EventLog(pathlib.Path({str(tmp_path / 'rcm.jsonl')!r}), on_stderr=True) as log:\n"
        "    log.run_started('run-1'); log.started('emr.visits')\n"
        "print('done', flush=True); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "done"
    assert [event["event"] for event in events(tmp_path / "rcm.jsonl")] == ["run_started", "load_started"]
