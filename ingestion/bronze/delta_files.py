"""Files of the lakehouse's Delta tables: which storage has, and which the logs name."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from deltalake.exceptions import DeltaError

from ingestion.base.errors import IngestionError
from ingestion.base.storage import Location
from ingestion.bronze.batch import batches_of, files_of

# Delta tables are below these folders of the lakehouse; the logs of bronze, and of what was set aside, are for good.
FOLDERS = ("bronze", "audit", "ledger", "set_aside")
_FOR_GOOD = ("bronze/", "set_aside/")
_LOG = "_delta_log/"
_COMMIT = re.compile(r"_delta_log/(\d{20})\.json")
_CHECKPOINT = re.compile(r"_delta_log/(\d{20})\.checkpoint(?:\.[\w.-]+)?\.parquet")
# Rewritten by each checkpoint, and only a hint.
_HINT = "_delta_log/_last_checkpoint"


@dataclass
class DeltaFiles:
    """Files of one Delta table, by their path below its folder.

    Args:
        folder: Path below the lakehouse.
        held: Bytes of each file that storage has.
        named: Bytes of each data file of the newest version, as the log says.
        hashes: SHA-256 of data files, as the commits that wrote them say.
        version: The newest version; -1 where the table cannot be opened.
        is_readable: Whether the table can be opened.
    """

    folder: str
    held: dict[str, int] = field(default_factory=dict)
    named: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    version: int = -1
    is_readable: bool = False

    @property
    def commits(self) -> dict[int, str]:
        """Log files by version."""
        return {int(match[1]): name for name in self.held if (match := _COMMIT.fullmatch(name))}

    @property
    def checkpoint(self) -> int:
        """Version of the newest checkpoint, -1 where there is none."""
        return max((int(match[1]) for name in self.held if (match := _CHECKPOINT.fullmatch(name))), default=-1)

    def is_ours(self, name: str) -> bool:
        """Whether a file is part of the table and never changes: named by the newest version, or of the log."""
        return name in self.named or bool(_COMMIT.fullmatch(name) or _CHECKPOINT.fullmatch(name))

    def may_be_gone(self, name: str) -> bool:
        """Whether compaction and vacuum may have removed a file that was there."""
        if not name.startswith(_LOG):
            return self.is_readable and name not in self.named
        match = _COMMIT.fullmatch(name) or _CHECKPOINT.fullmatch(name)
        is_for_good = self.folder.startswith(_FOR_GOOD) and _COMMIT.fullmatch(name) is not None
        return match is None or (not is_for_good and int(match[1]) < self.checkpoint)

    def is_hint(self, name: str) -> bool:
        """Whether a file only says where the newest checkpoint is."""
        return name == _HINT


def delta_files(lakehouse: Location) -> tuple[list[DeltaFiles], dict[str, int]]:
    """Every Delta table of the lakehouse with the files that storage has, and the files of no table.

    Nothing is read but the listing; ``read_log`` adds what the log says.
    """
    listed = {f"{top}/{name}": size for top in FOLDERS for name, size in (lakehouse / top).sizes().items()}
    roots = sorted({path.partition(f"/{_LOG}")[0] for path in listed if f"/{_LOG}" in path})
    tables = [DeltaFiles(root) for root in roots]
    loose: dict[str, int] = {}
    for path, size in listed.items():
        table = next((table for table in tables if path.startswith(f"{table.folder}/")), None)
        if table is None:
            loose[path] = size
        else:
            table.held[path.removeprefix(f"{table.folder}/")] = size
    return tables, loose


def read_log(lakehouse: Location, table: DeltaFiles) -> None:
    """Add what the log of a table names; a table that cannot be opened stays unreadable."""
    try:
        delta = (lakehouse / table.folder).delta()
        if delta is None:
            return
        table.named = files_of(delta)
        table.version = delta.version()
        batches = batches_of(delta) if table.folder.startswith(_FOR_GOOD) else []
    except (DeltaError, OSError, IngestionError, ValueError):
        return
    table.hashes = {f"part-{batch.batch_id}.parquet": batch.part_sha256 for batch in batches if batch.part_sha256}
    table.is_readable = True


def named_ever(lakehouse: Location, table: DeltaFiles) -> Iterator[tuple[str, int]]:
    """Data files, with their bytes, that any version named whose log file is there.

    Raises:
        ValueError: A log file is no log; its only argument is the name.
    """
    for name in table.commits.values():
        with (lakehouse / table.folder / name).open_input() as stream:
            text = stream.read()
        try:
            actions = [json.loads(line) for line in text.decode("utf-8").splitlines()]
            added = [(str(action["add"]["path"]), int(action["add"]["size"])) for action in actions if "add" in action]
        except (ValueError, KeyError, TypeError):
            raise ValueError(name) from None
        yield from added
