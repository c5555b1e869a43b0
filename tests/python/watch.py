"""``make watch``: builds and tests a model as soon as its file is saved, by a warm process that has dbt loaded."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.python.warm import WarmProcess

PROJECT = Path(__file__).parents[2]
INTERVAL_SECONDS = 0.2

# Path of a model, snapshot or seed, and when it was saved.
Saved = dict[Path, int]


def saved() -> Saved:
    """Every file that is a node of its own; other files (YAML, macros) are read with the next one that changes."""
    files = [path for folder in ("models", "snapshots", "seeds") for path in (PROJECT / folder).rglob("*.*")]
    return {path: path.stat().st_mtime_ns for path in files if path.suffix in (".sql", ".csv")}


def changed(before: Saved, now: Saved) -> list[str]:
    """Names of the nodes whose files are new or differ."""
    return sorted(path.stem for path, stamp in now.items() if before.get(path) != stamp)


def watch(warm: WarmProcess) -> None:
    """Build what changes, until interrupted."""
    before = saved()
    while True:
        time.sleep(INTERVAL_SECONDS)
        now = saved()
        if names := changed(before, now):
            started = time.monotonic()
            command = ("dbt", "--no-write-json", "build", "--select", *names)
            ended = warm.run(*command, cwd=PROJECT, environment=dict(os.environ))
            sys.stdout.write(f"{ended.stdout}{ended.stderr}{' '.join(names)}: {time.monotonic() - started:.1f} s\n")
        before = now


if __name__ == "__main__":
    with TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        process = WarmProcess(PROJECT, dict(os.environ), Path(folder))
        process.run("dbt", "--version", cwd=PROJECT, environment=dict(os.environ))
        sys.stdout.write("watching models, snapshots and seeds\n")
        watch(process)
