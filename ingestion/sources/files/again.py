"""Files of a table that was started again: they are loaded from the archive, in the order of their first load."""

from collections.abc import Iterator, Sequence

from ingestion.base.errors import UnreadableFileError
from ingestion.base.names import shown_file
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze import Batch
from ingestion.bronze.batch import batches_of
from ingestion.bronze.set_aside import tables_set_aside
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.files.options import FilesOptions
from ingestion.sources.landing import archived_file
from ingestion.sources.planned import PlannedLoad


def plan_again(
    settings: Settings, system: SystemSpec, table: TableSpec, landing: Location, batches: Sequence[Batch]
) -> Iterator[PlannedLoad]:
    """Loads of the files that a restart set aside and that bronze does not have again yet; usually none.

    A run that is killed among them goes on with the next one: what bronze holds says how far it came.

    Args:
        settings: Where everything is.
        system: The system.
        table: Its table.
        landing: Its landing folder.
        batches: What bronze holds of it, the newest first.
    """
    mode = table.load.mode
    for name, sha256 in _remaining(_files_set_aside(settings, table), _files(batches)):
        words = (FilesOptions.of(table).files, *sorted(system.hospitals))
        file = archived_file(landing, table, name, sha256, words)
        if file is None:
            shown = shown_file(name, (system.name, table.name, *words))
            error = UnreadableFileError(f"{shown}: is no longer in the archive; put it back there, or send it again")
            yield PlannedLoad(system, table, "blocked", mode, "its file is gone", error=error)
            # The files after it would be loaded out of order.
            return
        yield PlannedLoad(system, table, "load", mode, "loaded again, because its table was started again", file=file)


def _files_set_aside(settings: Settings, table: TableSpec) -> list[tuple[str, str]]:
    """Files of all batches that were set aside to be loaded again, in the order of their loads."""
    found: list[tuple[str, str]] = []
    for entry, place in tables_set_aside(settings, table.label):
        held = _files(batches_of(place.delta()))
        # What was removed stays away; a second restart has the files of the first again, as far as it came.
        found = [] if entry.status == "removed" else [*held, *_remaining(found, held)]
    return found


def _files(batches: Sequence[Batch]) -> list[tuple[str, str]]:
    """Name and hash of the file of each batch, the oldest first."""
    return [
        (batch.source_path or batch.source_file or "", batch.file_sha256)
        for batch in reversed(batches)
        if batch.file_sha256
    ]


def _remaining(wanted: Sequence[tuple[str, str]], held: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of the files is not held yet; none where others came after them, which only happens when all were there."""
    done = 0
    for file in held:
        if done < len(wanted) and file == wanted[done]:
            done += 1
        else:
            return []
    return list(wanted[done:])
