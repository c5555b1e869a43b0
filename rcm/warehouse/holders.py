"""Which process holds a file, in words that tell people whether to wait for it or to end it."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOCKS = Path("/proc/locks")
_ASK_SECONDS = 5
# As DuckDB names it, on every system.
_OF_DUCKDB = re.compile(r"\(PID (\d+)\)")
# Words of a command line that say what it does; what else it holds may be a secret.
_PLAIN_WORD = re.compile(r"[a-z][a-z-]{0,30}")
_SHOWN_WORDS = 2


@dataclass(frozen=True)
class Holder:
    """A process of this machine.

    Args:
        process: Its number.
        command: Its program and what it was told to do, without options; None where it cannot be told.
        seconds: How long it has been running; None where it cannot be told.
        is_stopped: Whether it was suspended, and so holds what it has until somebody continues it.
    """

    process: int
    command: str | None = None
    seconds: float | None = None
    is_stopped: bool = False

    def __str__(self) -> str:
        return f"{self.command or 'another program'} (process {self.process}{', suspended' if self.is_stopped else ''})"


def holder_of(file: Path, message: str = "") -> Holder | None:
    """Who holds a lock on a file; None where it cannot be told.

    Args:
        file: The locked file.
        message: What DuckDB says of the lock, which names the process.
    """
    found = _OF_DUCKDB.search(message)
    if found is not None:
        return process(int(found[1]))
    return next(iter(holders(file)), None)


def holders(file: Path) -> list[Holder]:
    """Processes with a lock on a file, other than this one; none where the system does not tell."""
    try:
        place = file.stat()
    except OSError:
        return []
    listed = _LOCKS.is_file()
    numbers = _in_the_list_of_locks(place) if listed else _told_by_lsof(file)
    return [process(number) for number in sorted(set(numbers)) if number != os.getpid()]


def can_tell() -> bool:
    """Whether this system tells who holds a file without touching its lock."""
    return _LOCKS.is_file() or shutil.which("lsof") is not None


def process(number: int) -> Holder:
    """A process of this machine by its number."""
    folder = Path("/proc") / str(number)
    try:
        words = folder.joinpath("cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
        # The name in brackets may hold spaces.
        status = folder.joinpath("stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
        started = float(status[19]) / os.sysconf("SC_CLK_TCK")
        return Holder(number, _shown(words), max(0.0, uptime - started), is_stopped=status[0] in "Tt")
    except (OSError, ValueError, IndexError, AttributeError):
        return Holder(number, _told_by_ps(number))


def _in_the_list_of_locks(place: os.stat_result) -> Iterator[int]:
    """Process numbers of Linux's list of locks: ``1: POSIX ADVISORY WRITE 4242 08:01:123456 0 EOF``."""
    wanted = f"{os.major(place.st_dev):02x}:{os.minor(place.st_dev):02x}:{place.st_ino}"
    with contextlib.suppress(OSError):
        for line in _LOCKS.read_text(encoding="utf-8").splitlines():
            words = line.split()
            # A process that waits for a lock is marked by an arrow; one of another container has no number here.
            if wanted in words and "->" not in words:
                number = words[words.index(wanted) - 1]
                if number.isdigit() and int(number) > 0:
                    yield int(number)


def _told_by_lsof(file: Path) -> list[int]:
    told = _asked("lsof", "-t", "--", str(file))
    return [int(line) for line in told.split() if line.isdigit()]


def _told_by_ps(number: int) -> str | None:
    return _shown(_asked("ps", "-o", "command=", "-p", str(number)).split())


def _asked(program: str, *arguments: str) -> str:
    """What a program of the system prints, nothing where there is none or it fails."""
    found = shutil.which(program)
    if found is None:
        return ""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(  # noqa: S603 - a program of the system, without a shell
            [found, *arguments], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
        return done.stdout
    return ""


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
