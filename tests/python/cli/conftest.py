"""The command line on small real projects, in real terminals and beside real processes."""

import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rcm.cli import app
from tests.python.ingestion.conftest import Project, project

__all__ = ["Project", "project"]

RCM = Path(sys.executable).with_name("rcm")
DEADLINE_SECONDS = 120.0


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RCM_")] + ["NO_COLOR", "FORCE_COLOR", "COLUMNS"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RCM_PROGRESS", "off")
    monkeypatch.setenv("RCM_LAKEHOUSE", str(tmp_path / "lakehouse"))


@pytest.fixture
def filled(project: Project) -> Project:
    """Sources with a few rows, nothing loaded."""
    project.visit(("v1", "10.00", "2024-01-01", "2024-01-01 08:00:00"))
    project.sql("insert into wards values (?, ?)", ("w1", "Ward"))
    project.drop("claims/one.csv", "ClaimID,Amount\nc1,1.00\n")
    project.drop("codes/codes.csv", "code,text\n00010,Review\n")
    return project


def rcm(*arguments: str) -> Result:
    """Run a command in this process, as in a pipe."""
    return CliRunner().invoke(app, list(arguments))


def in_terminal(command: Sequence[str], columns: int = 80, **variables: str) -> tuple[int, str]:
    """Exit code of a command in a terminal of its own, and all that it wrote there.

    Raises:
        TimeoutError: It did not end.
    """
    main, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    shown = b""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, close_fds=True
    ) as running:
        os.close(terminal)
        # The terminal's end is an error on Linux and an empty read elsewhere.
        with suppress(OSError):
            while True:
                ready, _, _ = select.select([main], [], [], max(0.0, deadline - time.monotonic()))
                if not ready:
                    running.kill()
                    raise TimeoutError(f"{command} did not end")
                part = os.read(main, 65536)
                if not part:
                    break
                shown += part
    os.close(main)
    return running.returncode, shown.decode()


@contextmanager
def held_by(script: Path, content: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program that says ``ready`` when it holds something, and holds it until its input ends."""
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f"import sys\n{content}\nprint('ready', flush=True)\nsys.stdin.read()\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield holder
        holder.communicate()
