"""The landing folder: which files wait there, which were loaded before, and where they go afterwards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.errors import SourceUnavailableError
from ingestion.specs import TableSpec

ARCHIVE = "archive"


@dataclass(frozen=True)
class LandingFile:
    """One file that waits.

    Args:
        path: Where it is.
        name: Its path below the landing folder, ``/`` between folders.
        sha256: Hash of its bytes.
    """

    path: Path
    name: str
    sha256: str


def waiting_files(landing: Path, table: TableSpec) -> list[LandingFile]:
    """Files of a table in the landing folder, in the order of their names; the archive does not count.

    Raises:
        SourceUnavailableError: A file cannot be opened.
    """
    found = [path for path in landing.glob(table.load.files or "") if path.is_file()]
    names = {path: path.relative_to(landing).as_posix() for path in found}
    waiting = sorted((path for path in found if not names[path].startswith(f"{ARCHIVE}/")), key=names.__getitem__)
    try:
        return [LandingFile(path, names[path], _sha256(path)) for path in waiting]
    except OSError as error:
        name = Path(error.filename).name if error.filename else "a landing file"
        raise SourceUnavailableError(
            f"{name}: cannot be opened ({type(error).__name__}); check its permissions"
        ) from None


def archive_file(landing: Path, table: TableSpec, file: LandingFile, batch_ids: Sequence[str]) -> Path:
    """Move a file to archive/<system>/<table>/<batch id>_<name> under the first batch id whose place is free."""
    folder = landing / ARCHIVE / table.system / table.name
    folder.mkdir(parents=True, exist_ok=True)
    places = [folder / f"{batch_id}_{file.path.name}" for batch_id in batch_ids]
    target = next((place for place in places if not place.exists()), places[-1])
    return file.path.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
