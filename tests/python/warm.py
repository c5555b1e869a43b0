"""A warm process: it has dbt and ``rcm`` loaded and the project parsed, and forks for every command.

A command in a new interpreter takes four processor seconds before it does anything: imports, the code that dbt
generates for its classes, the parse of the project. Here each test worker pays for that once. A command is still a
process of its own: environment, working folder, umask and open files end with it.
"""

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn

COMMANDS = ("dbt", "rcm")


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class WarmProcess:
    """The client's side of the warm process, which starts with the first command and ends with its client.

    Args:
        project: The folder of the dbt project that is parsed once.
        environment: The variables of that parse; dbt keeps the result in ``DBT_TARGET_PATH``.
        folder: Where commands leave their output.
    """

    def __init__(self, project: Path, environment: dict[str, str], folder: Path) -> None:
        self._project = project
        self._environment = environment
        self._outputs = folder / "stdout", folder / "stderr"
        self._process: subprocess.Popen[str] | None = None

    def run(self, *command: str, cwd: Path, environment: dict[str, str], killed_at: int | None = None) -> Ended:
        """Run a console script of ``COMMANDS`` and wait for its end.

        Args:
            command: Its name and arguments.
            cwd: The folder it works in.
            environment: All of its variables.
            killed_at: A ``dbt`` command dies (SIGKILL) when so many of its nodes are done.

        Raises:
            EOFError: The warm process itself ended.
        """
        umask = os.umask(0)
        os.umask(umask)
        request = {
            "command": command,
            "cwd": str(cwd),
            "environment": environment,
            "umask": umask,
            "outputs": [str(path) for path in self._outputs],
            "killed_at": killed_at,
        }
        if self._process is None:
            self._process = self._start()
        try:
            returncode = int(_ask(self._process, json.dumps(request)))
        except BaseException:
            # A test that ran out of time must not leave its answer to the next one.
            self._process.kill()
            self._process = None
            raise
        return Ended(returncode, *(path.read_text() for path in self._outputs))

    def _start(self) -> "subprocess.Popen[str]":
        for output in self._outputs:
            output.parent.mkdir(parents=True, exist_ok=True)
        # Without -P, the folders of the tests would be found as packages before those of the project.
        return subprocess.Popen(
            [sys.executable, "-P", __file__],
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _ask(process: "subprocess.Popen[str]", request: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{request}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise EOFError("the warm process ended")
    return answer


def serve() -> None:
    """Answer each request with the exit code of its command, until there are no more requests."""
    scripts = _warm_scripts()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(scripts, **json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _warm_scripts() -> dict[str, Any]:
    """The functions behind the console scripts, with all that they need loaded."""
    from ingestion.base.pandas_import import block_pandas_import

    block_pandas_import()
    scripts = {name: next(iter(entry_points(group="console_scripts", name=name))).load() for name in COMMANDS}

    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.cli.main import dbtRunner

    # dbt parses a project anew where its connection differs. Here only the file does, on which no parsed model depends.
    keys = DuckDBCredentials._connection_keys
    DuckDBCredentials._connection_keys = lambda self: tuple(  # type: ignore[method-assign]
        key
        for key in keys(self)  # type: ignore[no-untyped-call]
        if key != "path"
    )
    # The static parser would start threads here that its forks miss.
    parsed = dbtRunner().invoke(["--quiet", "--no-static-parser", "parse"])
    if not parsed.success:
        raise RuntimeError("the project cannot be parsed") from parsed.exception
    gc.collect()
    gc.freeze()
    return scripts


def _become(
    scripts: dict[str, Any],
    command: list[str],
    cwd: str,
    environment: dict[str, str],
    umask: int,
    outputs: list[str],
    killed_at: int | None,
) -> NoReturn:
    """Be a command of its own in this fork, to its end."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    os.umask(umask)
    sys.argv = command
    code = 1
    try:
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - for the life of the process
        for path, stream in zip(outputs, (sys.stdout, sys.stderr), strict=True):
            with open(path, "w") as output:  # noqa: PTH123 - its descriptor replaces another
                os.dup2(output.fileno(), stream.fileno())
        sys.exit(scripts[command[0]]() if killed_at is None else _dbt_that_dies(killed_at))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - what an interpreter does with it
        traceback.print_exc()
    finally:
        # The end of an interpreter, but for the threads that libraries started before the fork: they are not here.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _dbt_that_dies(killed_at: int) -> int:
    """The command ``dbt``; it leaves its work half done."""
    from dbt.cli.main import dbtRunner

    finished = 0

    def die_in_time(event: Any) -> None:  # noqa: ANN401 - dbt's events have no common type
        nonlocal finished
        finished += event.info.name == "NodeFinished"
        if finished == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    return int(not dbtRunner(callbacks=[die_in_time]).invoke(sys.argv[1:]).success)


if __name__ == "__main__":
    serve()
