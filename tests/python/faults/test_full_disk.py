"""A full disk: failed writes are reported, and the next run ends in the state of an uninterrupted one."""

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ingestion.base.errors import IngestionError
from tests.python.faults.lakehouse import Lakehouse, account, ingest_here
from tests.python.faults.processes import run
from tests.python.faults.test_kills import copy_of, first_load, next_day

# Bytes that a file may have: the least stops every write, the next ones commits, parts and the audit log in turn.
LIMITS = (0, 1_600, 2_600, 5_000)
MESSAGES = ("File too large", "cannot be written to", "did not take the commit", "was not archived")


def ingest_on_a_full_disk(limit: int) -> tuple[list[str], list[str]]:
    """Errors that a run ends with, and statuses of its loads.

    The operating system refuses what would make a file longer, as a full disk does; Python ignores the signal.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        summary = ingest_here()
    except IngestionError as error:
        return [str(error)], []
    failed = [result.message or "" for result in summary.results if result.status == "failed"]
    unlogged = [summary.unlogged] if summary.unlogged else []
    return failed + unlogged, [result.status for result in summary.results]


@pytest.mark.parametrize("prepare", [first_load, next_day], ids=["first load", "increment"])
def test_a_full_disk_is_told_in_words_and_loses_nothing(tmp_path: Path, prepare: Callable[[Lakehouse], None]) -> None:
    base = tmp_path / "base"
    lakehouse = Lakehouse.create(base)
    # Readers of the source need no file beside it.
    lakehouse.sql("pragma journal_mode = delete")
    prepare(lakehouse)
    with copy_of(base) as folder:
        run(folder, ingest_here)
        settled = account(Lakehouse(folder))
    stopped = set()

    for limit in LIMITS:
        with copy_of(base) as folder:
            errors, statuses = run(folder, partial(ingest_on_a_full_disk, limit)).value
            run(folder, ingest_here)
            found = account(Lakehouse(folder))
        stopped.add((bool(errors), "committed" in statuses))
        assert all(any(words in error for words in MESSAGES) for error in errors), (limit, errors)
        assert found == settled, limit

    # Nothing written, something but not everything, and everything.
    assert (True, False) in stopped
    assert stopped & {(True, True), (False, True)}
