"""The landing folder: which files wait there, which were loaded before, and where they go afterwards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from ingestion.errors import SourceUnavailableError
from ingestion.specs import TableSpec
from ingestion.storage import CHUNK_BYTES, Location

ARCHIVE = "archive"
REJECTS = "rejects"


@dataclass(frozen=True)
class LandingFile:
    """One file that waits.

    Args:
        location: Where it is.
        name: Its path below the landing folder, ``/`` between folders.
        sha256: Hash of its bytes.
        stamp: Size and moment of the last change before it was hashed: a file that has another one when it was read
            is still being written.
    """

    location: Location
    name: str
    sha256: str
    stamp: tuple[int, str]

    def open(self) -> IO[bytes]:
        """A stream of its bytes."""
        return self.location.open_input()

    def is_still(self) -> bool:
        """Whether it is there, and nobody wrote to it since it was hashed."""
        try:
            return self.location.stamp() == self.stamp
        except FileNotFoundError:
            return False


def waiting_files(landing: Location, table: TableSpec) -> list[LandingFile]:
    """Files of a table in the landing folder, in the order of their names; archive and rejects do not count.

    Raises:
        SourceUnavailableError: A file cannot be opened.
    """
    found = landing.find(table.load.files or "")
    kept = {name: place for name, place in found.items() if name.split("/")[0] not in (ARCHIVE, REJECTS)}
    return [landing_file(name, place) for name, place in kept.items()]


def landing_file(name: str, place: Location) -> LandingFile:
    """One file, hashed.

    Raises:
        SourceUnavailableError: It cannot be opened.
    """
    try:
        stamp = place.stamp()
        return LandingFile(place, name, _sha256(place), stamp)
    except OSError as error:
        raise SourceUnavailableError(
            f"{name}: cannot be opened ({type(error).__name__}); check its permissions"
        ) from None


def archive_file(landing: Location, table: TableSpec, file: LandingFile, batch_ids: Sequence[str]) -> None:
    """Move a file to archive/<system>/<table>/<batch id>_<name> under the first batch id whose place is free.

    A file that came under its name since it was hashed stays: it is the next run's.
    """
    folder = landing / ARCHIVE / table.system / table.name
    places = [folder / f"{batch_id}_{file.location.name}" for batch_id in batch_ids]
    target = next((place for place in places if not place.exists()), places[-1])
    if file.is_still():
        file.location.move(target)


def _sha256(place: Location) -> str:
    digest = hashlib.sha256()
    with place.open_input() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
