"""Is there room on the disk for what the lakehouse does next."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ingestion.base.findings import Finding, ok, problem, warning
from rcm.doctor.check import Situation

# Less than this, and not even a small load has room for its batch and its log.
LEAST_BYTES = 200 << 20


def room(situation: Situation, _: str) -> Iterator[Finding]:
    """Free space against the size of what is there.

    Compaction and a rebuild write a table a second time before they let go of the first.
    """
    place = situation.settings.warehouse.parent
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    free, size = shutil.disk_usage(existing).free, _size(place)
    said = f"{shown_bytes(free)} free, the lakehouse takes {shown_bytes(size)}"
    step = "make room, or move RCM_LAKEHOUSE to a larger disk"
    if free < LEAST_BYTES:
        yield problem(said, step)
    elif free < size:
        yield warning(f"{said}: rcm maintain and rcm replay may fill the disk", step)
    else:
        yield ok(said)


def shown_bytes(count: float) -> str:
    """In the largest unit: 512 MiB, 1.2 GiB."""
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            break
        count, unit = count / 1024, larger
    return f"{count:.1f} {unit}" if unit in ("GiB", "TiB") else f"{count:.0f} {unit}"


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile does not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except OSError:
                continue
    return total
