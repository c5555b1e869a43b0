"""Unmatched files of the landing folders: no table's pattern matches them, so they are reported."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from ingestion.base.errors import IngestionError
from ingestion.base.names import shown_file
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.declared.specs import SystemSpec
from ingestion.sources.landing import ARCHIVE, REJECTS, printable
from ingestion.sources.registry import kind_of

# More names would not fit into a line; --json has all of them.
NAMES_SHOWN = 5


def unclaimed_files(
    settings: Settings, systems: Sequence[SystemSpec], chosen: Sequence[SystemSpec] | None = None
) -> tuple[str, ...]:
    """Files that match no pattern of the control table, by their paths below the landing folder, sorted.

    Entries that are not files, such as broken links, are included. The archive and hidden files are not, nor folders
    that cannot be listed: the load of their own table reports them. Rejects are included if their table is gone.

    Args:
        settings: Where everything is.
        systems: The complete control table; a pattern of any system claims a file.
        chosen: Systems whose landing folders are looked at; None for all.
    """
    claims = list(_claims(settings, systems))
    folders = {folder.url: folder for folder, _ in claims}
    looked_at = {folder.url: folder for folder, _ in _claims(settings, systems if chosen is None else chosen)}
    found: set[str] = set()
    words = [pattern for _, pattern in claims]
    for folder in looked_at.values():
        # A folder may lie within another one.
        set_apart = {f"{url}/{ARCHIVE}" for url in folders}
        with suppress(IngestionError, OSError):
            found.update(
                shown_file(printable(name), words)
                for name, is_file in folder.contents(without=set_apart).items()
                if not (is_file and any(other.holds(folder / name, pattern) for other, pattern in claims))
                and not any(part.startswith(".") for part in name.split("/"))
            )
    return tuple(sorted(found))


def unclaimed_line(names: Sequence[str]) -> str:
    """One line about them, for people."""
    shown = ", ".join(names[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    count, verb, them = (1, "matches", "it") if len(names) == 1 else (len(names), "match", "them")
    return (
        f"{count} file{'s' if count > 1 else ''} in the landing folder {verb} no pattern of the control table, nothing "
        f"reads {them}: {shown}{more}; rename {them} (capitals count), correct load.files, or move {them} away"
    )


def _claims(settings: Settings, systems: Sequence[SystemSpec]) -> Iterator[tuple[Location, str]]:
    """Each pattern with the folder it is looked for in; a folder that no setting names holds nothing."""
    for system in systems:
        for table in system.tables:
            with suppress(IngestionError):
                kind = kind_of(table)
                for pattern in kind.patterns(table):
                    yield kind.landing(settings, system), pattern
                if kind.keeps_rejects:
                    yield kind.landing(settings, system), f"{REJECTS}/{table.system}/{table.name}/*"
