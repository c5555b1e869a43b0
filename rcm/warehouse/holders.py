"""The process that holds a locked file, so that people know whether to wait for it or to end it."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOCKS = Path("/proc/locks")
# As DuckDB names it, on every system.
_OF_DUCKDB = re.compile(r"\(PID (\d+)\)")
# Words of a command line that show what it does; the others may be a secret.
_PLAIN_WORD = re.compile(r"[a-z][a-z-]{0,30}")
_SHOWN_WORDS = 2


@dataclass(frozen=True)
class Holder:
    """A process of this machine.

    Args:
        process: Its number.
        command: Its program and subcommand, without options; None where it is not known.
        seconds: Its age; None where it is not known.
        is_stopped: Whether it is suspended: it keeps its locks until somebody continues it.
    """

    process: int
    command: str | None = None
    seconds: float | None = None
    is_stopped: bool = False

    def __str__(self) -> str:
        return f"{self.command or 'another program'} (process {self.process}{', suspended' if self.is_stopped else ''})"


def holder_of(file: Path, message: str = "") -> Holder | None:
    """The process that holds a lock on a file; None where it is not known.

    Args:
        file: The locked file.
        message: DuckDB's error message about the lock, which names the process.
    """
    found = _OF_DUCKDB.search(message)
    if found is not None:
        return process(int(found[1]))
    return next(iter(holders(file)), None)


def holders(file: Path) -> list[Holder]:
    """Processes with a lock on a file, other than this one."""
    found = _in_the_list_of_locks(file) if _LOCKS.is_file() else _with_it_open(file)
    return [process(number) for number in sorted(set(found)) if number != os.getpid()]


def process(number: int) -> Holder:
    """A process of this machine by its number."""
    try:
        found = psutil.Process(number)
        with found.oneshot():
            is_stopped = found.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
            seconds = max(0.0, time.time() - found.create_time())
            return Holder(number, _shown(found.cmdline()), seconds, is_stopped)
    except psutil.Error:
        return Holder(number)


def _in_the_list_of_locks(file: Path) -> Iterator[int]:
    """Process numbers of Linux's list of locks: ``1: POSIX ADVISORY WRITE 4242 08:01:123456 0 EOF``.

    It has the processes of other users, whose open files psutil may not read.
    """
    try:
        place, lines = file.stat(), _LOCKS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    wanted = f"{os.major(place.st_dev):02x}:{os.minor(place.st_dev):02x}:{place.st_ino}"
    for words in map(str.split, lines):
        # A process that waits for a lock is marked by an arrow; one of another container has no number here.
        if wanted in words and "->" not in words:
            number = words[words.index(wanted) - 1]
            if number.isdigit() and int(number) > 0:
                yield int(number)


def _with_it_open(file: Path) -> Iterator[int]:
    """Process numbers that have a file open; DuckDB and the locks of tables close theirs with the lock."""
    for entry in psutil.process_iter(["open_files"]):
        if any(Path(held.path) == file.resolve() for held in entry.info["open_files"] or ()):
            yield entry.pid


def _shown(words: Sequence[str]) -> str | None:
    """``rcm run`` of ``/usr/bin/python3 /srv/rcm/.venv/bin/rcm run --full``: never an option, which may be a secret."""
    if not words or not words[0]:
        return None
    program, rest = Path(words[0]).name, list(words[1:])
    if program.startswith("python"):
        if "-m" in rest[:3]:
            rest = rest[rest.index("-m") + 1 :]
        elif rest and rest[0].startswith("-"):
            return program
        if rest:
            program, rest = Path(rest[0]).name, rest[1:]
    said = []
    for word in rest[:_SHOWN_WORDS]:
        if not _PLAIN_WORD.fullmatch(word):
            break
        said.append(word)
    return " ".join([program, *said])
