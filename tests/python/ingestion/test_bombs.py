"""Sources that expand, nest, or never end: bounded in memory and time, and said in one line."""

import gzip
import time
import tracemalloc
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import ingestion.base.limits
import ingestion.sources.http
from ingestion.base.errors import SourceUnavailableError, UnreadableFileError
from ingestion.base.limits import MIB, Limits
from ingestion.base.storage import Location
from ingestion.sources.control_table import load_systems
from ingestion.sources.files.text import utf8_blocks
from ingestion.sources.http import JsonClient
from ingestion.sources.landing import landing_file
from ingestion.sources.npi_registry import bulk
from tests.python.ingestion.conftest import Project
from tests.python.ingestion.scripted_server import Answer, in_turn, serve
from tests.python.ingestion.test_npi_bulk import MONTH, content

GOOD = Answer(content={"ok": True})


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(ingestion.base.limits, "FREE_BYTES", MIB)


def test_a_line_that_expands_without_an_end_is_refused_in_bounded_memory(project: Project) -> None:
    bomb = b'ClaimID,Amount\nC1,1\nC2,"' + b"x" * (48 * MIB)
    file = project.drop("claims/a.csv.gz", gzip.compress(bomb, 9))
    del bomb

    tracemalloc.start()
    summary = project.ingest(source="payer")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    [result] = summary.results
    assert result.status == "failed"
    assert "more than 200 times longer than its compressed data (RCM_MAX_EXPANSION)" in (result.message or "")
    assert peak < 40 * MIB
    # Refused before the commit, so no run crashes behind it.
    assert project.commits("payer.claims") == 0
    assert file.exists()


def test_an_endless_line_that_is_let_in_is_kept_in_bounded_memory(project: Project) -> None:
    bomb = b'ClaimID,Amount\nC1,1\nC2,"' + b"x" * (48 * MIB)
    project.drop("claims/a.csv", bomb)
    del bomb

    tracemalloc.start()
    [result] = project.ingest(source="payer").results
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (result.status, result.rows_rejected) == ("committed", 1)
    assert peak < 40 * MIB
    [kept] = list((project.landing / "rejects" / "payer" / "claims").iterdir())
    assert kept.stat().st_size > 48 * MIB
    assert not (project.landing / "claims" / "a.csv").exists()


def test_a_file_longer_than_its_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * (2 * MIB))
    file = landing_file("a.csv", Location(str(path)))
    limits = replace(Limits(), file_bytes=MIB)
    with utf8_blocks(file, limits) as blocks, pytest.raises(UnreadableFileError, match="RCM_MAX_FILE_GB"):
        list(blocks)


def test_a_zip_that_expands_without_an_end_is_refused(tmp_path: Path, project: Project) -> None:
    path = tmp_path / "npi.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MONTH, content().encode() + b"\n" * (8 * MIB))
    file = landing_file("npi.zip", Location(str(path)))
    systems = load_systems(project.root, project.root / "models" / "bronze")
    [table] = [table for system in systems for table in system.tables if table.name == "claims"]

    with (
        pytest.raises(UnreadableFileError, match="RCM_MAX_EXPANSION"),
        bulk.extract(table, file, ["1"]) as extraction,
    ):
        list(extraction.batches)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(raw=b"[" * (3 * MIB)),
        Answer(raw=gzip.compress(b"[" * (64 * MIB)), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "compressed"],
)
def test_an_answer_longer_than_its_limit_is_refused_in_bounded_memory(answer: Answer) -> None:
    with serve(in_turn(answer)) as server, JsonClient(limits=replace(Limits(), answer_bytes=2 * MIB)) as client:
        tracemalloc.start()
        with pytest.raises(SourceUnavailableError, match="more than 2 MiB; check the URL, or raise RCM_MAX_ANSWER_MB"):
            client.get(server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(server.requests) == 1
    assert peak < 24 * MIB


@pytest.mark.parametrize(
    "answer",
    [
        Answer(raw=b"[" * 200_000 + b"]" * 200_000),
        Answer(raw=b'{"a":' * 200_000),
        Answer(raw=b'{"ok": ' + b"9" * 5_000 + b"}"),
        Answer(raw=gzip.compress(gzip.compress(b"{}")), headers={"Content-Encoding": "gzip, gzip"}),
        Answer(raw=b"no gzip", headers={"Content-Encoding": "gzip"}),
        Answer(raw=gzip.compress(b'{"ok": true}')[:-9], headers={"Content-Encoding": "gzip"}),
        *(
            Answer(429, headers={"Retry-After": value})
            for value in ("²", "1e9", "-5", "120, 120", "Fri, 32 Dec 99999 25:61:61 GMT", "9" * 400, "0x10", "", "nan")
            if value.isascii()
        ),
    ],
)
def test_an_answer_that_nobody_expects_is_retried_and_then_one_line(answer: Answer) -> None:
    with serve(in_turn(answer, GOOD)) as server, JsonClient() as client, suppress(SourceUnavailableError):
        assert client.get(server.url) == {"ok": True}


def test_headers_that_trickle_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.sources.http, "TOTAL_SECONDS", 0.5)
    begun = time.monotonic()
    with serve(in_turn(Answer(slow_headers=True), GOOD)) as server, JsonClient() as client:
        assert client.get(server.url) == {"ok": True}
    assert len(server.requests) == 2
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("header", ["²", "1e9", "-5", "120, 120", "Fri, 32 Dec 99999 25:61:61 GMT", "0x10", "", "nan"])
def test_a_retry_after_of_another_shape_is_none(header: str) -> None:
    assert ingestion.sources.http._retry_after(header) is None
