"""Killed runs against the APIs: the next one resumes and only requests what was not answered."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.declared.specs import TableSpec
from ingestion.sources.control_table import load_systems
from ingestion.sources.icd import who
from ingestion.sources.icd.access import Access
from ingestion.sources.npi_registry import lookups
from simulator.icd_service import IcdService
from simulator.npi_service import NpiService
from simulator.registry_data import icd_nodes
from tests.python.ingestion.scripted_server import Answer, Request, Server, serve

PROJECT = Path(__file__).parents[3]
SECONDS = 60
# Answers before the kill: in the midst of a batch, and of whatever the threads hold.
ANSWERED = 57
NUMBERS = [f"{1_000_000_000 + at}" for at in range(150)]


def spec(extractor: str) -> TableSpec:
    systems = load_systems(PROJECT, Path("models/bronze"))
    return next(table for system in systems for table in system.tables if table.load.extractor == extractor)


def read_npi(url: str, cache: Path) -> pa.Table:
    with lookups.extract(spec("npi_registry"), url, NUMBERS, "full", cache) as extraction:
        return pa.Table.from_batches(extraction.batches)


def read_icd(url: str, cache: Path) -> pa.Table:
    with who.extract(spec("icd"), Access(url, f"{url}/connect/token", "id", "secret"), cache) as extraction:
        return pa.Table.from_batches(extraction.batches)


ENTRY = {
    "first_name": "ANA",
    "last_name": "PRUEBA",
    "credential": "MD",
    "enumeration_day": "2006-05-23",
    "updated_day": "2020-02-29",
    "taxonomy_code": "207RC0000X",
    "taxonomy_description": "Cardiology",
    "state": "TX",
}
# Two numbers in three are not known.
REGISTRY = NpiService({number: ENTRY | {"number": number} for number in NUMBERS[::3]})
CLASSIFICATION = IcdService(icd_nodes())


def npi(request: Request) -> Answer:
    return Answer(content=REGISTRY.search(request.form))


def icd_entry(request: Request) -> Answer:
    if request.method == "POST":
        return Answer(content={"access_token": "token"})
    return Answer(content=CLASSIFICATION.entity(request.path))


@pytest.mark.parametrize(
    ("name", "read", "respond"),
    [("npi", read_npi, npi), ("icd", read_icd, icd_entry)],
    ids=["npi", "icd"],
)
def test_a_killed_run_goes_on_where_it_stopped(
    tmp_path: Path, name: str, read: Callable[[str, Path], pa.Table], respond: Callable[[Request], Answer]
) -> None:
    cache = tmp_path / "answers.sqlite"
    with serve(respond) as server:
        whole = read(server.url, tmp_path / "undisturbed.sqlite")
    everything = questions(server)
    assert len(everything) > 2 * ANSWERED
    program = f"import sys, pathlib; from {__spec__.name} import read_{name} as read; "
    program += "read(sys.argv[1], pathlib.Path(sys.argv[2]))"
    gate = Gate(respond)
    with serve(gate) as server:
        child = subprocess.Popen([sys.executable, "-c", program, server.url, str(cache)], cwd=PROJECT)
        try:
            deadline = time.monotonic() + SECONDS
            while kept(cache) < ANSWERED:
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            child.kill()
            child.wait(SECONDS)
            gate.open()
        asked_before = len(server.requests)
        rows = read(server.url, cache)
        asked_again = [question(request) for request in server.requests[asked_before:] if request.method == "GET"]
    assert rows.equals(whole)
    assert len(asked_again) == len(everything) - ANSWERED
    assert len(set(asked_again)) == len(asked_again)


class Gate:
    """Answers so many questions, then lets the others wait until it opens."""

    def __init__(self, respond: Callable[[Request], Answer]) -> None:
        self._respond = respond
        self._answered = 0
        self._lock = threading.Lock()
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            self._answered += request.method == "GET"
            waits = self._answered > ANSWERED
        assert not waits or self._opened.wait(SECONDS)
        return self._respond(request)


def questions(server: Server) -> list[str]:
    return [question(request) for request in server.requests if request.method == "GET"]


def question(request: Request) -> str:
    return request.form.get("number", request.path)


def kept(cache: Path) -> int:
    """Answers in the cache by now."""
    if not cache.exists():
        return 0
    with closing(sqlite3.connect(cache)) as connection:
        try:
            [count] = connection.execute("select count(*) from responses").fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(count)
