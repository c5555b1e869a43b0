"""Who holds the warehouse and the tables, and whether that will ever end."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb

from ingestion.base.findings import Finding, ok, problem, warning
from rcm.doctor.check import Situation
from rcm.warehouse.holders import Holder, holder_of, holders
from rcm.warehouse.reader import is_taken

# A load or a build that has been going for longer is more likely to hang.
LONGEST = timedelta(days=1)


def warehouse(situation: Situation, _: str) -> Iterator[Finding]:
    """The DuckDB file: whether it can be opened, else who holds it."""
    settings = situation.settings
    place = settings.warehouse
    if not settings.uses_duckdb:
        yield ok("not used: RCM_TARGET names another engine")
        return
    if not place.is_file():
        yield ok("not built yet: rcm run makes it")
        return
    try:
        with closing(duckdb.connect(str(place), read_only=True)) as connection:
            connection.execute("select 1")
    except duckdb.IOException as error:
        if is_taken(str(error)):
            yield _taken(place.name, holder_of(place, str(error)), "builds and reports wait for it")
        else:
            yield problem(f"{place.name} cannot be opened", "restore it, or rcm replay")
        return
    readers = holders(place)
    if readers:
        yield warning(
            f"{place.name} is open for reading by {_listed(readers)}: a build fails until it is closed",
            "close it before rcm run",
        )
    else:
        yield ok(f"{place.name} is free")


def tables(situation: Situation, _: str) -> Iterator[Finding]:
    """Lock files of tables and of the ledger.

    A lock goes with its process, so that a file without a holder blocks nobody.
    """
    place = situation.settings.lakehouse
    if not place.is_local:
        yield ok("none: in Azure the commits of Delta decide")
        return
    found = sorted([*(place.local / "locks").glob("*.lock"), *place.local.glob("ledger/.lock")])
    taken = [(file, held) for file in found if (held := holders(file))]
    for file, held in taken:
        yield _taken(_subject(file), held[0], "another run skips it until then")
    if not taken:
        yield ok(f"no table is being loaded{f'; {len(found)} files of earlier runs block nobody' if found else ''}")


def _subject(file: Path) -> str:
    return "the ledger of month closes" if file.name == ".lock" else file.name.removesuffix(".lock")


def _taken(subject: str, holder: Holder | None, effect: str) -> Finding:
    """What is held: by a run that goes on, or by one that never ends."""
    if holder is None:
        return warning(f"{subject} is held by another process: {effect}", "wait until it is done")
    said = f"{subject} is held by {holder}"
    if holder.is_stopped:
        return problem(f"{said}: it does not go on", f"continue it with kill -CONT {holder.process}, or end it")
    if holder.seconds is not None and holder.seconds > LONGEST.total_seconds():
        return problem(f"{said} for more than a day", f"see whether it still works, else end it: kill {holder.process}")
    return warning(f"{said}: {effect}", "wait until it is done")


def _listed(found: Sequence[Holder]) -> str:
    return ", ".join(map(str, found))
