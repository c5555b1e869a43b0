"""Reads the control table: models/bronze/*.yml and vars.systems of dbt_project.yml, checked against each other."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ingestion.base.errors import SpecError
from ingestion.declared.common_data_model import CommonDataModel, read_common_data_model
from ingestion.declared.dialect import DialectSpec, overridden
from ingestion.declared.problems import problem_lines
from ingestion.declared.specs import KnownKinds, SystemSpec, TableSpec, repeated


@dataclass(frozen=True)
class ControlTable:
    """The control table, as far as it is valid.

    Args:
        systems: The valid systems, in the order of the list.
        problems: One line for each thing that is wrong with the others.
    """

    systems: tuple[SystemSpec, ...]
    problems: tuple[str, ...]


def read_control_table(project_dir: Path, bronze_dir: Path, kinds: KnownKinds | None = None) -> ControlTable:
    """Read and validate the control table; a system with a problem is skipped, so that the others load.

    Args:
        project_dir: Folder of dbt_project.yml, whose ``vars.systems`` lists the systems and the tables they feed.
        bronze_dir: Folder of the YAML, one dbt source per system; relative to the project or absolute. Sources
            without ``config.meta.kind`` are none of ours.
        kinds: The kinds of source there are, which validate the keys that belong to one of them; None leaves those keys
            unchecked, for readers that load nothing.
    """
    folder = project_dir / bronze_dir
    problems: list[str] = []
    listed = _listed_systems(project_dir, folder, problems)
    usual = _project_dialect(project_dir, problems)
    model = read_common_data_model(project_dir)
    systems: dict[str, SystemSpec] = {}
    for path in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        for source in _sources(path, problems):
            system = _system(path, source, kinds, usual, problems)
            if system is not None and system.name in systems:
                first = systems[system.name].path.name
                problems.append(f"{path.name}: {system.name}: is declared in {first} too; keep one")
            elif system is not None:
                systems[system.name] = system
    unsound = [*_schema_problems(systems.values()), *_model_problems(systems.values(), model)]
    # Systems in a broken file would be reported as missing.
    unsound += [] if problems else _list_problems(listed, systems, folder, project_dir)
    left_out = {name for name, _ in unsound}
    sound = tuple(systems[name] for name in listed if name in systems and name not in left_out)
    return ControlTable(sound, (*problems, *(text for _, text in unsound)))


def load_systems(project_dir: Path, bronze_dir: Path, kinds: KnownKinds | None = None) -> tuple[SystemSpec, ...]:
    """The systems of a control table without a problem; arguments as of ``read_control_table``.

    Raises:
        SpecError: Every problem found, one line each.
    """
    table = read_control_table(project_dir, bronze_dir, kinds)
    if table.problems:
        raise SpecError(list(table.problems))
    return table.systems


def _listed_systems(project_dir: Path, folder: Path, problems: list[str]) -> dict[str, list[str]]:
    key = folder.relative_to(project_dir).as_posix() if folder.is_relative_to(project_dir) else folder.as_posix()
    if not folder.is_dir():
        problems.append(f"{key}: no such folder; set RCM_BRONZE to the folder of the control table")
        return {}
    document = _read_yaml(project_dir / "dbt_project.yml", problems)
    if document is None:
        return {}
    listed = _at(document, "vars", "systems", key)
    if not isinstance(listed, dict) or not all(isinstance(tables, list) for tables in listed.values()):
        problems.append(f"dbt_project.yml: vars.systems: has no list for {key}; list each system with its tables")
        return {}
    return {str(system): [str(table) for table in tables] for system, tables in listed.items()}


def _project_dialect(project_dir: Path, problems: list[str]) -> dict[str, Any]:
    """``vars.dialect`` of dbt_project.yml: what holds where neither system nor table says otherwise."""
    try:
        document = yaml.safe_load((project_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        # Reported with the list of systems.
        return {}
    dialect = _at(document, "vars", "dialect")
    return _sound_dialect(dialect, "dbt_project.yml: vars.", problems)


def _sound_dialect(dialect: object, place: str, problems: list[str]) -> dict[str, Any]:
    """The keys of a dialect, none where it is wrong: its problems are told once, and not again for every table."""
    if dialect is None:
        return {}
    if not isinstance(dialect, dict):
        problems.append(f"{place}dialect: is no mapping of keys; see docs/onboarding-a-hospital.md")
        return {}
    try:
        DialectSpec.model_validate(dialect)
    except ValidationError as error:
        problems += problem_lines(error, f"{place}dialect.")
        return {}
    return {key: value for key, value in dialect.items() if value is not None}


def _at(node: object, *keys: str) -> object:
    """What a YAML document holds below these keys, None where it does not go that deep."""
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _read_yaml(path: Path, problems: list[str]) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        cause = getattr(error, "problem", None) or "unreadable"
        problems.append(f"{path.name}{line}: is not valid YAML ({cause}); correct it")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: cannot be read ({type(error).__name__}); it must be a UTF-8 text file")
    return None


def _sources(path: Path, problems: list[str]) -> Iterator[dict[str, Any]]:
    document = _read_yaml(path, problems)
    sources = document.get("sources", []) if isinstance(document, dict) else []
    if not isinstance(sources, list):
        problems.append(f"{path.name}: sources: is not a list; start each system with '- name:'")
        return
    for source in sources:
        if _meta(source).get("kind") is not None:
            yield source


def _meta(node: object) -> dict[str, Any]:
    meta = _at(node, "config", "meta")
    return meta if isinstance(meta, dict) else {}


def _system(
    path: Path, source: dict[str, Any], kinds: KnownKinds | None, usual: dict[str, Any], problems: list[str]
) -> SystemSpec | None:
    name, meta = source.get("name"), _meta(source)
    tables = source.get("tables") if isinstance(source.get("tables"), list) else []
    before = len(problems)
    dialect = overridden(usual, _sound_dialect(meta.get("dialect"), f"{path.name}: {name}: config.meta.", problems))
    specs = [_table(path, source, table, kinds, dialect, problems) for table in tables or []]
    if len(problems) > before:
        return None
    twice = repeated(table.name for table in specs if table)
    problems += [f"{path.name}: {name}.{table}: is declared twice; keep one" for table in twice]
    try:
        return SystemSpec.model_validate(
            {
                "name": name,
                "label": name,
                "connection": None,
                **meta,
                "bronze_schema": source.get("schema") or name,
                "dialect": dialect,
                "tables": specs,
                "path": path,
            },
            context=kinds,
        )
    except ValidationError as error:
        problems += [f"{path.name}: {name}: {line}" for line in problem_lines(error, "config.meta.")]
        return None


def _table(
    path: Path,
    source: dict[str, Any],
    table: object,
    kinds: KnownKinds | None,
    dialect: dict[str, Any],
    problems: list[str],
) -> TableSpec | None:
    fields = table if isinstance(table, dict) else {}
    meta = _meta(fields)
    columns = fields.get("columns")
    label = f"{source.get('name')}.{fields.get('name', '(no name)')}"
    own = _own_dialect(meta, f"{path.name}: {label}: ", problems)
    try:
        return TableSpec.model_validate(
            {
                "system": source.get("name"),
                "name": fields.get("name"),
                "kind": _meta(source)["kind"],
                "load": meta.get("load"),
                "columns": [
                    {key: column[key] for key in ("name", "data_type") if key in column} | _meta(column)
                    for column in columns or []
                    if isinstance(column, dict)
                ],
                "column_map": {name: str(expression) for name, expression in (meta.get("map") or {}).items()},
                **{key: value for key, value in meta.items() if key not in ("load", "map", "date_format")},
                "dialect": overridden(dialect, own),
            },
            context=kinds,
        )
    except ValidationError as error:
        problems += [f"{path.name}: {label}: {line}" for line in problem_lines(error, "", columns)]
        return None


def _own_dialect(meta: dict[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """What a table's ``dialect`` says; ``date_format`` beside it is a short form of the key of that name."""
    own = _sound_dialect(meta.get("dialect"), place, problems)
    if "date_format" not in meta:
        return own
    if "date_format" in own:
        problems.append(f"{place}date_format: is said in dialect.date_format too; keep that one")
    return own | _sound_dialect({"date_format": meta["date_format"]}, place, problems)


def _list_problems(
    listed: dict[str, list[str]], systems: dict[str, SystemSpec], folder: Path, project_dir: Path
) -> Iterator[tuple[str, str]]:
    """Each with the name of its system."""
    place = folder.relative_to(project_dir) if folder.is_relative_to(project_dir) else folder
    for name, tables in listed.items():
        if name not in systems:
            yield name, f"dbt_project.yml: vars.systems: {name} is listed, but no YAML in {place}/ declares it"
            continue
        system = systems[name]
        declared = [table.name for table in system.tables]
        for table in tables:
            if table not in declared:
                yield name, f"{system.path.name}: {name}.{table}: is listed in vars.systems, but not declared here"
        for table in declared:
            if table not in tables:
                yield name, f"dbt_project.yml: vars.systems: {name}.{table} is missing; {system.path.name} declares it"
    for name, system in systems.items():
        if name not in listed:
            yield name, f"dbt_project.yml: vars.systems: {name} is missing; {system.path.name} declares it"


def _model_problems(systems: Iterable[SystemSpec], model: CommonDataModel) -> Iterator[tuple[str, str]]:
    """What a source says about columns, rules and code systems of the common data model that are not there."""
    for system in systems:
        # Of words that the system declares for all of its tables, each table would report the same.
        of_system = list(_word_problems(system.dialect.words or {}, model))
        for problem in of_system:
            yield system.name, f"{system.path.name}: {system.name}: config.meta.{problem}"
        for table in system.tables:
            own = (problem for problem in _word_problems(table.dialect.words or {}, model) if problem not in of_system)
            for problem in (*_table_problems(table, model), *own):
                yield system.name, f"{system.path.name}: {table.label}: {problem}"


def _table_problems(table: TableSpec, model: CommonDataModel) -> Iterator[str]:
    entity = table.name
    if entity not in model.columns:
        return
    relations = model.relations[entity]
    for key, given, known, kind in (
        ("map", table.column_map, model.columns[entity], "column"),
        ("severity", table.severity, model.rules.get(entity, frozenset()) | relations, "rule"),
        ("limits", table.limits, relations | model.limited[entity], "relation"),
        ("code_systems", table.code_systems, model.coded[entity], "column with codes"),
    ):
        for name in sorted(set(given) - known):
            yield f"{key}.{name}: is no {kind} of {entity}; there are {_listing(known)}"
    for name, severity in table.severity.items():
        if name in relations and severity not in ("warn", "ignore"):
            yield f"severity.{name}: judges current records, which are in gold already; it can only warn or ignore"
    for column, names in table.code_systems.items():
        for name in sorted(set(names) - model.code_systems):
            yield f"code_systems.{column}: {name} is no known code system; there are {_listing(model.code_systems)}"


def _word_problems(words: Mapping[str, Mapping[str, Iterable[str]]], model: CommonDataModel) -> Iterator[str]:
    """What ``dialect.words`` says of columns and words that are not there, and words with two meanings."""
    vocabularies = {column: known for columns in model.vocabularies.values() for column, known in columns.items()}
    for column, meanings in words.items():
        if column not in vocabularies:
            yield f"dialect.words.{column}: has no list of words; {_nearest(column, vocabularies)}"
            continue
        canonical = {_plain(word): word for word in vocabularies[column]}
        meant: dict[str, str] = {}
        for meaning, spellings in meanings.items():
            place = f"dialect.words.{column}.{meaning}"
            if meaning not in vocabularies[column]:
                yield f"{place}: is no word of {column}; {_nearest(meaning, vocabularies[column])}"
                continue
            for word in spellings:
                other = canonical.get(_plain(word), meant.get(_plain(word), meaning))
                if other != meaning:
                    yield f"{place}: {word} means {other} already; a word has one meaning"
                meant[_plain(word)] = meaning


def _plain(word: str) -> str:
    """A word as macros/staging/words.sql compares it."""
    return re.sub(r"[\s_.\-]", "", word.lower())


def _nearest(name: str, known: Iterable[str]) -> str:
    by_fold = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_fold, n=1)
    return f"did you mean {by_fold[near[0]]}?" if near else f"there are {_listing(known)}"


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _schema_problems(systems: Iterable[SystemSpec]) -> Iterator[tuple[str, str]]:
    """Two DuckDB sources with one schema and table name overwrite each other silently."""
    owners: dict[str, SystemSpec] = {}
    for system in systems:
        owner = owners.setdefault(system.bronze_schema, system)
        if owner is not system:
            yield (
                system.name,
                f"{system.path.name}: {system.name}: schema {system.bronze_schema} belongs to {owner.name} already; "
                "give each system its own",
            )
