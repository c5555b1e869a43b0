"""The process of the worker: one for this process, started when first needed, ended with it."""

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ingestion.base.errors import BorderUnavailableError

_PROJECT = Path(__file__).resolve().parents[3]


class Worker:
    """A process that answers JSON lines; safe to share between threads, which take turns.

    Great Expectations takes seconds to import and hundreds of MiB, so it lives in a process of its own. It ends with
    this process, however that ends.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    @property
    def process_id(self) -> int | None:
        """Process id of the worker, None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the worker, if it is not there, and return at once."""
        with self._turn:
            self._started()

    def ask(self, request: dict[str, Any], subject: str, timeout: float) -> dict[str, Any]:
        """Send one request and wait for its answer; a worker that fails is ended, the next request starts another.

        Args:
            request: What the worker understands.
            subject: What it is about, for errors.
            timeout: Seconds that the answer may take, the start of the worker included.

        Raises:
            BorderUnavailableError: The worker died, hung or failed.
        """
        with self._turn:
            answer = self._answer(request, subject, timeout)
        if "error" in answer:
            raise BorderUnavailableError(f"{subject}: Great Expectations failed, {answer['error']}")
        return answer

    def stop(self) -> None:
        """End the worker; a later request would start another."""
        with self._turn:
            self._end()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._owner != os.getpid():
            # Inherited over a fork: its pipes are the parent's.
            self._process, self._owner = None, os.getpid()
        if self._process is None:
            # The worker finds this very package, installed or not; -P keeps the current folder off its path.
            paths = [str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ingestion.bronze.border.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # A traceback of the engine may quote values.
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "GX_ANALYTICS_ENABLED": "false"},
            )
        return self._process

    def _answer(self, request: dict[str, Any], subject: str, timeout: float) -> dict[str, Any]:
        worker = self._started()
        if worker.stdin is None or worker.stdout is None:
            raise AssertionError("the worker is started with pipes")
        line = b""
        # To kill is the one way to end a wait on a pipe on every platform.
        watchdog = threading.Timer(timeout, worker.kill)
        watchdog.start()
        try:
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except BrokenPipeError:
            line = b""
        except BaseException:
            # An interrupt leaves an answer under way, which the next request would take for its own.
            self._end()
            raise
        finally:
            watchdog.cancel()
        if not line.endswith(b"\n"):
            self._end()
            raise BorderUnavailableError(
                f"{subject}: the process of Great Expectations ended or did not answer within {timeout:g} s; "
                "look for too little memory, then run again"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _end(self) -> None:
        if self._process is None or self._owner != os.getpid():
            return
        worker, self._process = self._process, None
        worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout):
            if stream is not None:
                _close(stream)


def _close(stream: Any) -> None:  # noqa: ANN401 - a pipe
    try:
        stream.close()
    except BrokenPipeError:
        # What was still buffered has no reader any more.
        return


WORKER = Worker()
atexit.register(WORKER.stop)
