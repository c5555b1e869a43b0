"""The landing folder: waiting files, files that were loaded before, and the archive."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import IO, Annotated

from pydantic import AfterValidator

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.names import shown_file
from ingestion.base.storage import Location
from ingestion.declared.specs import TableSpec

ARCHIVE = "archive"
REJECTS = "rejects"
# Bytes that file systems take for a name are 255; a draft's name is longer by a few.
LONGEST_NAME = 240


def _pattern(value: str) -> str:
    parts = value.split("/")
    problems = []
    if not all(parts) or {".", ".."} & set(parts):
        problems.append("is no path below the landing folder; write claims/*.csv, say")
    if parts[0] in (ARCHIVE, REJECTS):
        problems.append(f"{parts[0]}/ is where loaded and rejected files are kept; choose another folder")
    if any("**" in part and part != "**" for part in parts):
        problems.append("** stands for folders and must be between slashes; write **/*.csv, or * within a name")
    if problems:
        raise ValueError("\n".join(problems))
    return value


# Files of a table, as a path below the landing folder with * and **.
Pattern = Annotated[str, AfterValidator(_pattern)]


@dataclass(frozen=True)
class LandingFile:
    """One waiting file.

    Args:
        location: Where it is.
        name: Its path below the landing folder for messages, logs and audit; pieces that may identify a patient are
            hidden (``shown_file``).
        path: The same path in full, printable, whatever bytes it is made of; for bronze and the landing folder only.
        sha256: Hash of its bytes.
        stamp: Size and time of the last change before it was hashed: if they differ after reading, the file is still
            being written.
        is_archived: Whether it is in the archive, where it stays: a file that is loaded again.
    """

    location: Location
    name: str
    sha256: str
    stamp: tuple[int, str]
    is_archived: bool = False
    path: str = ""

    def open(self) -> IO[bytes]:
        """A stream of its bytes."""
        return self.location.open_input()

    def is_still(self) -> bool:
        """Whether it exists and has not changed since it was hashed."""
        try:
            return self.location.stamp() == self.stamp
        except FileNotFoundError:
            return False


def waiting_files(landing: Location, pattern: str, words: Sequence[str] = ()) -> list[LandingFile]:
    """Files of a pattern in the landing folder, in the order of their names; archive and rejects do not count.

    Args:
        landing: The folder.
        pattern: A glob below it.
        words: Declared texts whose words may be in a message, beside those of the pattern.

    Raises:
        SourceUnavailableError: A file cannot be opened, or a folder not be read.
    """
    try:
        found = landing.find(pattern)
    except OSError as error:
        raise SourceUnavailableError(
            f"{landing}: cannot be searched ({type(error).__name__}); check its permissions"
        ) from None
    kept = {name: place for name, place in found.items() if name.split("/")[0] not in (ARCHIVE, REJECTS)}
    return [landing_file(name, place, (pattern, *words)) for name, place in kept.items()]


def landing_file(name: str, place: Location, words: Sequence[str] = ()) -> LandingFile:
    """One file, hashed.

    Args:
        name: Its path below the landing folder.
        place: Where it is.
        words: Declared texts whose words may be in a message.

    Raises:
        SourceUnavailableError: It cannot be opened.
    """
    shown = shown_file(printable(name), words)
    try:
        stamp = place.stamp()
        return LandingFile(place, shown, place.sha256(), stamp, path=printable(name))
    except OSError as error:
        raise SourceUnavailableError(
            f"{shown}: cannot be opened ({type(error).__name__}); check its permissions"
        ) from None


def archive_file(landing: Location, table: TableSpec, file: LandingFile, batch_ids: Sequence[str]) -> None:
    """Move a file to archive/<system>/<table>/<batch id>_<name> under the first batch id whose place is free.

    A file that arrived under its name since it was hashed stays for the next run.
    """
    if file.is_archived:
        return
    folder = landing / ARCHIVE / table.system / table.name
    places = [folder / name_of_batch(batch_id, file.location.name) for batch_id in batch_ids]
    target = next((place for place in places if not place.exists()), places[-1])
    if file.is_still():
        file.location.move(target)


def archived_file(
    landing: Location, table: TableSpec, name: str, sha256: str, words: Sequence[str] = ()
) -> LandingFile | None:
    """A file that was loaded before, by its name and bytes; None where the archive no longer has it.

    Args:
        landing: The landing folder.
        table: The table it was loaded into.
        name: Its path below the landing folder, as the batch has it.
        sha256: Hash of its bytes.
        words: Declared texts whose words may be in a message.

    Raises:
        SourceUnavailableError: It cannot be opened.
    """
    base = name.rpartition("/")[2]
    # A file of rejected lines was archived under its own name, and a long name without its beginning.
    for pattern in (f"*_{glob.escape(base)}", "*"):
        for place in (landing / ARCHIVE / table.system / table.name).find(pattern).values():
            file = landing_file(name, place, (table.system, table.name, *words))
            if file.sha256 == sha256:
                return replace(file, is_archived=True)
    return None


def name_of_batch(batch_id: str, name: str) -> str:
    """``<batch id>_<name>``; of a name too long for that, its end."""
    room = LONGEST_NAME - len(batch_id) - 1
    return f"{batch_id}_{os.fsdecode(os.fsencode(name)[-room:])}"


def printable(name: str) -> str:
    """The name of a file for logs, tables and terminals: characters that are not printable are escaped."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)
