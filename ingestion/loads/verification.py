"""``rcm verify``: the files of bronze, audit and ledger against their logs and checksums.

Files of a Delta table are written once and never changed, log files included. A batch's part has its SHA-256 in its
commit; every other file gets one when the run that wrote it ends, in ``checksums.json`` of the lakehouse.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from deltalake.exceptions import DeltaError

from ingestion.base.errors import IngestionError
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.delta_files import DeltaFiles, delta_files, named_ever, read_log

Fault = Literal["missing", "changed", "foreign", "unreadable"]
# Size and SHA-256 by path below the lakehouse.
Checksums = dict[str, tuple[int, str]]
_NEXT = {
    "missing": "restore it from the backup",
    "changed": "restore it from the backup",
    "foreign": "see where it comes from and move it away; what a killed run left, the next run or rcm maintain removes",
    "unreadable": "restore the table from the backup",
}


@dataclass(frozen=True)
class Flaw:
    """One file that is not as it should be.

    Args:
        fault: ``missing``: a log or the checksums name it; ``changed``: its bytes are not those that were written;
            ``foreign``: nothing names it; ``unreadable``: the table cannot be opened.
        path: Below the lakehouse.
        detail: What was found.
    """

    fault: Fault
    path: str
    detail: str

    @property
    def next_step(self) -> str:
        """What to do."""
        return _NEXT[self.fault]

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}, {self.detail}"


@dataclass(frozen=True)
class Verified:
    """What a verification found.

    Args:
        flaws: Files that are not as they should be, by path.
        files: Files that were compared.
        unproven: Of these, those whose size only was compared, because no run has kept their checksum.
    """

    flaws: tuple[Flaw, ...]
    files: int
    unproven: int


def missing_data(settings: Settings) -> list[Flaw]:
    """Data files that logs name and storage lacks, or has in another size; nothing but listings and logs is read.

    Raises:
        SourceUnavailableError: The lakehouse cannot be reached.
    """
    tables, _ = delta_files(settings.lakehouse)
    flaws: list[Flaw] = []
    for table in tables:
        read_log(settings.lakehouse, table)
        flaws += _sizes(table)
    return flaws


def verify(settings: Settings) -> Verified:
    """Read every file of bronze, audit and ledger, and compare it with the logs and the checksums.

    Raises:
        SourceUnavailableError: The lakehouse cannot be reached.
    """
    lakehouse = settings.lakehouse
    known = _read(_place(settings))
    flaws = (
        [Flaw("changed", _place(settings).name, "it does not have the hash in its first line")] if known is None else []
    )
    tables, loose = delta_files(lakehouse)
    kept = _moved(tables, known or {})
    flaws += [Flaw("foreign", path, "it belongs to no table") for path in loose if not _KNOWN_LOOSE.fullmatch(path)]
    files = unproven = 0
    for table in tables:
        read_log(lakehouse, table)
        flaws += _flaws(lakehouse, table, kept)
        files += len(table.held)
        unproven += sum(f"{table.folder}/{name}" not in kept and name not in table.hashes for name in table.held)
    folders = {table.folder: table for table in tables}
    for path in kept:
        table, name = _owner(folders, path)
        if name not in table.held and not table.may_be_gone(name):
            flaws.append(Flaw("missing", path, "it was there when its run ended"))
    unique = {(flaw.path, flaw.fault): flaw for flaw in flaws}
    return Verified(tuple(sorted(unique.values(), key=lambda flaw: flaw.path)), files, unproven)


def keep_checksums(settings: Settings) -> None:
    """Add the checksums of new files, and forget those of files that compaction and vacuum removed.

    Only files that a log names, and the log's own, are added. It never fails a run: what it cannot do now is done by
    the next, and until then such files are compared by size only.
    """
    place = _place(settings)
    try:
        with (settings.lakehouse / ".checksums.lock").exclusive():
            known = _read(place)
            if known is None:
                return
            tables, _ = delta_files(settings.lakehouse)
            kept, known = known, _moved(tables, known)
            folders = {table.folder: table for table in tables}
            found: Checksums = {}
            for table in tables:
                found |= _new(settings.lakehouse, table, known)
            gone = {path for path in known if path not in found and _is_removed(settings.lakehouse, folders, path)}
            stay = {path: entry for path, entry in known.items() if path not in gone}
            if (files := stay | found) != kept:
                _write(place, files)
    except (IngestionError, OSError, DeltaError):
        return


# The lock of month closes is a file beside their tables, the note of who set a table aside is beside that.
_KNOWN_LOOSE = re.compile(r"ledger/\.lock|set_aside/[^/]+/note\.json")


def _place(settings: Settings) -> Location:
    return settings.lakehouse / "checksums.json"


def _read(place: Location) -> Checksums | None:
    """The kept checksums; None where the file does not have its own hash."""
    if not place.exists():
        return {}
    with place.open_input() as stream:
        first, _, rest = stream.read().partition(b"\n")
    if first != hashlib.sha256(rest).hexdigest().encode():
        return None
    return {path: (int(size), str(digest)) for path, (size, digest) in json.loads(rest).items()}


def _write(place: Location, files: Checksums) -> None:
    rest = json.dumps(files, indent=0, sort_keys=True).encode()
    place.write(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)


def _new(lakehouse: Location, table: DeltaFiles, known: Checksums) -> Checksums:
    """Checksums of a table's files that are held, the known ones as they are."""
    paths = {name: f"{table.folder}/{name}" for name in table.held}
    if any(path not in known for path in paths.values()):
        read_log(lakehouse, table)
    found: Checksums = {}
    for name, path in paths.items():
        if path in known and not table.is_hint(name):
            found[path] = known[path]
        elif table.is_ours(name) or table.is_hint(name):
            found[path] = (table.held[name], table.hashes.get(name) or (lakehouse / path).sha256())
    return found


def _moved(tables: Sequence[DeltaFiles], known: Checksums) -> Checksums:
    """The checksums with the new paths of tables that were set aside, set_aside/<moment>-<system>.<table>/table."""
    moved = dict(known)
    for table in tables:
        top, _, rest = table.folder.partition("/")
        system, _, name = rest.partition("/")[0].partition("-")[2].partition(".")
        if top == "set_aside" and not any(f"{table.folder}/{file}" in known for file in table.held):
            for file in table.held:
                if (entry := moved.pop(f"bronze/{system}/{name}/{file}", None)) is not None:
                    moved[f"{table.folder}/{file}"] = entry
    return moved


def _owner(folders: dict[str, DeltaFiles], path: str) -> tuple[DeltaFiles, str]:
    """The table of a path, and the path within it; an empty table where its folder is gone."""
    folder = path.partition("/_delta_log/")[0] if "/_delta_log/" in path else path.rpartition("/")[0]
    table = folders.get(folder) or DeltaFiles(folder)
    return table, path.removeprefix(f"{folder}/")


def _is_removed(lakehouse: Location, folders: dict[str, DeltaFiles], path: str) -> bool:
    table, name = _owner(folders, path)
    if not table.is_readable and table.held:
        read_log(lakehouse, table)
    return name not in table.held and table.may_be_gone(name)


def _sizes(table: DeltaFiles) -> Iterator[Flaw]:
    if not table.is_readable:
        yield Flaw("unreadable", table.folder, "its log cannot be read")
    for name, size in table.named.items():
        held = table.held.get(name)
        if held is None:
            yield Flaw("missing", f"{table.folder}/{name}", "the log names it")
        elif held != size:
            yield Flaw("changed", f"{table.folder}/{name}", f"it has {held:,} bytes instead of {size:,}")


def _flaws(lakehouse: Location, table: DeltaFiles, known: Checksums) -> Iterator[Flaw]:
    yield from _sizes(table)
    try:
        ever = {unquote(name): size for name, size in named_ever(lakehouse, table)}
    except ValueError as error:
        ever = dict(table.named)
        yield Flaw("changed", f"{table.folder}/{error}", "it is no log of Delta")
    commits = table.commits
    first = min(commits, default=0)
    if first > max(0, table.checkpoint):
        yield Flaw("missing", f"{table.folder}/_delta_log", f"its first versions, before {first}, have no log file")
    for version in range(first, max(commits, default=-1)):
        if version not in commits:
            yield Flaw("missing", f"{table.folder}/_delta_log/{version:020}.json", "later versions are there")
    for name, size in table.held.items():
        path = f"{table.folder}/{name}"
        digest = known[path][1] if path in known else table.hashes.get(name)
        if digest is None and not (table.is_ours(name) or table.is_hint(name) or name in ever):
            yield Flaw("foreign", path, "no log names it")
        elif digest is not None and (lakehouse / path).sha256() != digest:
            yield Flaw("changed", path, "its bytes are not those that were written")
        elif name in ever and size != ever[name]:
            yield Flaw("changed", path, f"it has {size:,} bytes instead of {ever[name]:,}")
