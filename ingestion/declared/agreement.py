"""What systems of a control table owe each other: an entry in the list, and nothing that belongs to another one."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from ingestion.declared.specs import KnownKinds, SystemSpec, TableSpec


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a control table.

    Args:
        text: File, system or table and key, what is wrong; what to do.
        system: The system that is left out for it; None where a file as a whole is at fault.
    """

    text: str
    system: str | None


def list_problems(
    listed: Mapping[str, Sequence[str]],
    systems: Mapping[str, SystemSpec],
    unsound: Iterable[str | None],
    place: Path,
    *,
    all_read: bool,
) -> Iterator[Problem]:
    """Where the list and the YAML disagree: one line per entry, which says what to write where.

    Args:
        listed: Systems of the list with their tables.
        systems: Declared systems.
        unsound: Systems that have a problem already: whether they are declared is not the question.
        place: Folder of the YAML, as in the list.
        all_read: Whether every file could be read; one that could not may declare what seems to be missing.
    """
    known = {*systems, *unsound}
    forgotten = [name for name in systems if name not in listed]
    for name, tables in listed.items():
        if name in known or not all_read:
            continue
        # A hospital without tables of its own is one that other systems' files name.
        near = _nearest(name, forgotten)
        if near is not None:
            forgotten.remove(near)
            text = f"{name} is declared by no YAML; did you mean {near}, which {systems[near].path.name} declares?"
            yield Problem(_entry(place, text), name)
            yield Problem("", near)
        elif tables:
            text = f"{name} is listed, but no YAML in {place}/ declares it; write one, or remove its line from the list"
            yield Problem(_entry(place, text), name)
    for name in forgotten:
        tables = ", ".join(table.name for table in systems[name].tables)
        text = f"{name} is missing, which {systems[name].path.name} declares; add the line '{name}: [{tables}]' there"
        yield Problem(_entry(place, text), name)
    for name in listed:
        if name in systems:
            yield from _table_list_problems(systems[name], listed[name], place)


def _table_list_problems(system: SystemSpec, tables: Sequence[str], place: Path) -> Iterator[Problem]:
    declared = [table.name for table in system.tables]
    forgotten = [table for table in declared if table not in tables]
    for table in dict.fromkeys(tables):
        if table in declared:
            continue
        near = _nearest(table, forgotten)
        if near is not None:
            forgotten.remove(near)
            text = f"{system.name}.{table} is not declared; did you mean {near}, which {system.path.name} declares?"
        else:
            text = f"{system.name}.{table} is listed, but not declared in {system.path.name}; declare it or take it out"
        yield Problem(_entry(place, text), system.name)
    for table in forgotten:
        text = f"{system.name}.{table} is missing, which {system.path.name} declares; add {table} to the list of "
        yield Problem(_entry(place, f"{text}{system.name}"), system.name)


def _entry(place: Path, text: str) -> str:
    return f"dbt_project.yml: vars.systems: {place.as_posix()}: {text}"


def _nearest(name: str, others: Sequence[str]) -> str | None:
    # hospital_a and hospital_b are two hospitals, not one and a slip.
    found = get_close_matches(name, others, n=1, cutoff=0.85)
    return found[0] if found and not _differ_by_their_end(name, found[0]) else None


def _differ_by_their_end(one: str, other: str) -> bool:
    return len(one) == len(other) and one[:-1] == other[:-1]


def sharing_problems(
    systems: Mapping[str, SystemSpec], listed: Iterable[str], environment: Mapping[str, str], kinds: KnownKinds | None
) -> Iterator[Problem]:
    """A label, a schema or a source table that two systems have: two hospitals would become one, or one would be two.

    The system that comes first in the list keeps it; a new hospital is usually added at the end.

    Args:
        systems: Declared systems by name.
        listed: Names in the order of the list.
        environment: Variables with the addresses of sources.
        kinds: The kinds of source, which know what a table reads.
    """
    ordered = [systems[name] for name in dict.fromkeys([*listed, *systems]) if name in systems]
    labels: dict[str, SystemSpec] = {}
    schemas: dict[str, SystemSpec] = {}
    places: dict[object, tuple[SystemSpec, TableSpec]] = {}
    for system in ordered:
        owner = labels.setdefault(" ".join(system.label.split()).casefold(), system)
        if owner is not system:
            yield Problem(
                f"{system.path.name}: {system.name}: label {' '.join(system.label.split())} belongs to {owner.name} "
                f"({owner.path.name}) already; a label names one hospital, give {system.name} its own",
                system.name,
            )
        owner = schemas.setdefault(system.bronze_schema, system)
        if owner is not system:
            yield Problem(
                f"{system.path.name}: {system.name}: schema {system.bronze_schema} belongs to {owner.name} already; "
                "give each system its own",
                system.name,
            )
        for table in system.tables:
            # Without kinds nobody knows what a table reads.
            place = (_address_of(system, environment), kinds.place(table)) if kinds is not None else table.label
            other, first = places.setdefault(place, (system, table))
            # One table of a hospital may feed several entities.
            if other is not system:
                yield Problem(
                    f"{system.path.name}: {table.label}: reads the same as {first.label} ({other.path.name}), so that "
                    "records would count for two hospitals; correct connection or load, or read a view of its own",
                    system.name,
                )


def _address_of(system: SystemSpec, environment: Mapping[str, str]) -> str:
    written = environment.get(system.connection.env) or system.connection.default
    # Without an address two variables may still hold two.
    return _address(written) if written else f"${system.connection.env}"


def _address(text: str) -> str:
    """An address without login and options: another login reads the same database."""
    if "://" not in text or "=" in text.partition("://")[0]:
        return posixpath.normpath(text) if "=" not in text else text.casefold()
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").casefold(), parts.port or ""
    except ValueError:
        # A secret in it is revealed by whoever connects.
        return text
    return f"{parts.scheme.partition('+')[0]}://{host}:{port}{posixpath.normpath(parts.path or '/')}"
