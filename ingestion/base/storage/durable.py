"""Durability on this machine: what a later step relies on is on the disk before that step begins.

deltalake 1.6 fsyncs nothing: it writes a data file and renames it, writes a log file and links it. A power cut soon
after could leave a log that names an empty file, so the callers fsync files and folders themselves. Storage in Azure is
durable when it answers.
"""

import errno
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_COMMIT = re.compile(r"(\d{20})\.json")
_DESCRIPTION = re.compile(r"\d{20}\.checkpoint.*\.parquet|_last_checkpoint")


def sync_file(path: Path) -> None:
    """Wait until a file's content is on the disk; and its name in its folder."""
    _sync(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Wait until the names of a folder are on the disk; nothing where the system does not offer that."""
    if os.name != "posix":
        return
    try:
        _sync(path)
    except OSError as error:
        # Some network mounts refuse it for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def sync_commits(table: Path, since: int) -> None:
    """Wait until the commits of a Delta table after a version are on the disk, with every file that they add.

    Args:
        table: Folder of the table.
        since: Version before them; -1 for a new table.
    """
    log = table / "_delta_log"
    for path in sorted(log.iterdir()) if log.is_dir() else ():
        commit = _COMMIT.fullmatch(path.name)
        if commit and int(commit[1]) > since:
            for name in _added(path):
                # A later compaction and vacuum may have removed it.
                with suppress(FileNotFoundError):
                    _sync(table / name)
            _sync(path)
        elif _DESCRIPTION.fullmatch(path.name):
            _sync(path)
    for folder in (log, table, table.parent, table.parent.parent):
        if folder.is_dir():
            sync_folder(folder)


def _added(commit: Path) -> list[str]:
    lines = commit.read_text(encoding="utf-8").splitlines()
    return [unquote(json.loads(line)["add"]["path"]) for line in lines if line.startswith('{"add"')]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
