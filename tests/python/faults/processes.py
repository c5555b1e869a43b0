"""Runs of the real code in processes of their own that are killed, or held, at a chosen boundary.

A boundary is a call, or its end, that code of ``ingestion`` makes: everything durable happens in such calls, so the
disk looks the same at any two moments between neighbouring ones. The interpreter's profile hook sees them; production
code knows nothing of it.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import ingestion

CODE = f"{Path(ingestion.__file__).parent}{os.sep}"
# Bounds a child that hangs: a test fails rather than waits.
DEADLINE_SECONDS = 60.0
# A fork of a process that has only imported is cheap, and safe: none of the libraries has started a thread in it.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["ingestion.loads.load", "ingestion.loads.maintenance", "tests.python.faults.lakehouse"])

# The module counts its processes without a thought of threads.
_BOOKS = threading.Lock()

Task = Callable[[], Any]


class Boundary(NamedTuple):
    """Where code of the project calls something: before (``call``) or after (``return``) it."""

    file: str
    function: str
    line: int
    event: str
    callee: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}, {self.event} of {self.callee}"


@dataclass(frozen=True)
class At:
    """One moment of a process.

    Args:
        boundary: It comes by this one.
        passes: So often it came by before.
        call: The first call of a function of this name.
        caller: Only where it is called by this one.
    """

    boundary: Boundary | None = None
    passes: int = 0
    call: str | None = None
    caller: str | None = None

    def fits(self, boundary: Boundary) -> bool:
        """Whether this may be the moment."""
        if self.call is None:
            return boundary == self.boundary
        return boundary.event == "call" and boundary.callee == self.call and self.caller in (None, boundary.function)


@dataclass(frozen=True)
class Ended:
    """How a process ended: what its task returned, or where it was killed; every boundary where it was traced."""

    value: Any = None
    killed_at: Boundary | None = None
    killed: bool = False
    boundaries: tuple[Boundary, ...] = ()


@dataclass
class _Hook:
    """Watches the boundaries in all threads of a process, and acts at one of them."""

    act: Callable[[Boundary], None]
    at: At
    keep: bool
    passed: int = 0
    seen: list[Boundary] = field(default_factory=list)

    def install(self) -> None:
        threading.setprofile(self)
        sys.setprofile(self)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:  # noqa: ANN401 - depends on the event
        caller = frame if event.startswith("c_") else frame.f_back
        if caller is None or (file := _file(caller.f_code)) is None:
            return
        callee = frame.f_code.co_name if caller is not frame else getattr(argument, "__qualname__", "?")
        what = "call" if event.endswith("call") else "return"
        boundary = Boundary(file, caller.f_code.co_name, caller.f_lineno, what, callee)
        if self.keep:
            self.seen.append(boundary)
        if self.at.fits(boundary):
            self.passed += 1
            if self.passed == self.at.passes + 1:
                self.act(boundary)


@cache
def _file(code: CodeType) -> str | None:
    """Where code of the project is, without its folder; None for other code, and for imports."""
    is_ours = code.co_filename.startswith(CODE) and code.co_name != "<module>"
    return code.co_filename.removeprefix(CODE) if is_ours else None


class Running:
    """One process at work."""

    def __init__(self, process: ForkServerProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    def wait_until_held(self) -> Boundary:
        """Wait until the process stands at its boundary, where it stays until ``go_on``."""
        if not self._connection.poll(DEADLINE_SECONDS):
            raise TimeoutError("the process never came to its boundary")
        kind, value = self._connection.recv()
        if kind != "held":
            raise AssertionError(f"the process ended without coming to its boundary: {value}")
        held: Boundary = value
        return held

    def go_on(self, until: At | None = None) -> None:
        """Let a held process go on, to its end or to another boundary."""
        self._connection.send(until)

    def kill_after(self, seconds: float) -> None:
        """Kill it at a moment that nothing in it chooses, unless it comes to its end before."""
        if not self._connection.poll(seconds):
            self._process.kill()

    def _join(self) -> None:
        with _BOOKS:
            self._process.join()

    def end(self) -> Ended:
        """Wait for the end."""
        killed_at = None
        try:
            while True:
                if not self._connection.poll(DEADLINE_SECONDS):
                    self._process.kill()
                    raise TimeoutError("the process did not end")
                kind, value = self._connection.recv()
                if kind == "ended":
                    self._join()
                    return Ended(*value)
                if kind == "failed":
                    self._join()
                    raise AssertionError(f"the process failed: {value}")
                killed_at = value
        except EOFError:
            self._join()
            if self._process.exitcode != -signal.SIGKILL:
                raise AssertionError(f"the process ended with {self._process.exitcode}") from None
            return Ended(killed_at=killed_at, killed=True)
        finally:
            self._connection.close()


def start(
    folder: Path,
    task: Task,
    *,
    kill: At | None = None,
    hold: At | None = None,
    trace: bool = False,
) -> Running:
    """Start a task in a process of its own.

    Args:
        folder: Its working directory; its temporary files are in there, too.
        task: A function at the top of a module, or a partial of one.
        kill: Where SIGKILL ends it.
        hold: Where it waits for ``go_on``.
        trace: Return every boundary it passed.
    """
    ours, theirs = _FORKS.Pipe()
    process = _FORKS.Process(target=_child, args=(theirs, str(folder), task, kill, hold, trace), daemon=True)
    with _BOOKS:
        process.start()
    theirs.close()
    return Running(process, ours)


def run(folder: Path, task: Task, *, kill: At | None = None, trace: bool = False) -> Ended:
    """Run a task in a process of its own until it ends or is killed."""
    return start(folder, task, kill=kill, trace=trace).end()


def _child(
    connection: Connection,
    folder: str,
    task: Task,
    kill: At | None,
    hold: At | None,
    trace: bool,
) -> None:
    os.chdir(folder)
    scratch = Path(folder) / "tmp"
    scratch.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(scratch)

    def die(boundary: Boundary) -> None:
        connection.send(("killed", boundary))
        os.kill(os.getpid(), signal.SIGKILL)

    def wait(boundary: Boundary) -> None:
        connection.send(("held", boundary))
        hook.at, hook.passed = connection.recv() or At(), 0

    hook = _Hook(die if kill else wait, kill or hold or At(), trace)
    try:
        with contextlib.ExitStack() as stack:
            if kill or hold or trace:
                hook.install()
                stack.callback(sys.setprofile, None)
                stack.callback(threading.setprofile, None)
            value = task()
        connection.send(("ended", (value, None, False, tuple(hook.seen))))
    except Exception as error:  # noqa: BLE001 - told to the parent
        connection.send(("failed", repr(error)))
