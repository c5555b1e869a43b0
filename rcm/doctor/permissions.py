"""Who can read patients' data, and the key of their hashes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ingestion.base.findings import Finding, ok, problem, warning
from rcm.doctor.check import Situation
from rcm.warehouse.phi_key import SHORTEST, VARIABLE

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def lakehouse(situation: Situation, _: str) -> Iterator[Finding]:
    """The lakehouse is accessible to its owner only, and writable."""
    settings = situation.settings
    folders = {settings.warehouse.parent, *([settings.lakehouse.local] if settings.lakehouse.is_local else [])}
    found = list(_open_places(sorted(folders), settings.warehouse))
    yield from found
    if not found:
        yield ok("the lakehouse can be read by its owner only")


def _open_places(folders: list[Path], warehouse: Path) -> Iterator[Finding]:
    for folder in folders:
        if folder.is_dir():
            if not os.access(folder, os.W_OK | os.X_OK):
                yield problem(f"{folder} cannot be written to by this user", "run rcm as its owner")
            if _mode(folder) & _OTHERS:
                yield warning(f"{folder} can be entered by others: it holds patients' data", f"chmod 700 {folder}")
    if warehouse.is_file():
        if not os.access(warehouse, os.R_OK | os.W_OK):
            yield problem(f"{warehouse} cannot be written to by this user", "run rcm as its owner")
        # What lies in a closed folder is closed, too.
        if _mode(warehouse) & _OTHERS and _mode(warehouse.parent) & _OTHERS:
            yield warning(f"{warehouse} can be read by others: it holds patients' data", f"chmod 600 {warehouse}")


def phi_key(situation: Situation, _: str) -> Iterator[Finding]:
    """The key of keyed hashes is there, long enough, and nobody else's."""
    settings = situation.settings
    given, kept = settings.resolve(VARIABLE), settings.warehouse.with_name("phi.key")
    if given is not None:
        if len(given) < SHORTEST:
            yield problem(f"{VARIABLE} is shorter than {SHORTEST} characters", "give it a longer one, then rcm replay")
        else:
            yield ok(f"{VARIABLE} is set")
    elif not kept.is_file():
        yield ok("made by the first build, beside the warehouse")
    elif not os.access(kept, os.R_OK):
        yield problem(f"{kept} cannot be read by this user", "run rcm as its owner")
    elif _mode(kept) & _OTHERS:
        yield problem(
            f"{kept} can be read by others, who could then tell patients by their hashes", f"chmod 600 {kept}"
        )
    elif len(kept.read_text(encoding="utf-8").strip()) < SHORTEST:
        yield problem(f"{kept} holds no key", "restore it, or delete it and run rcm replay")
    else:
        yield ok(f"{kept.name} beside the warehouse, its owner's only: keep a copy of it with your secrets")


def _mode(place: Path) -> int:
    return stat.S_IMODE(place.stat().st_mode)
