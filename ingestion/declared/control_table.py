"""Reads the control table: models/bronze/*.yml and vars.systems of dbt_project.yml, checked against each other."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ingestion.base.errors import SpecError
from ingestion.declared.agreement import Problem, list_problems, sharing_problems
from ingestion.declared.common_data_model import CommonDataModel, read_common_data_model
from ingestion.declared.dialect import DialectSpec, merged
from ingestion.declared.expressions import ENGINE, Binder
from ingestion.declared.hospitals import SOURCE_SYSTEM, UNLISTED, hospitals_listed
from ingestion.declared.problems import advice, problem_lines
from ingestion.declared.specs import KnownKinds, SystemSpec, TableSpec, repeated
from ingestion.declared.yaml_text import parsed


@dataclass(frozen=True)
class ControlTable:
    """The control table, as far as it is valid.

    Args:
        systems: The valid systems, in the order of the list.
        problems: One line for each thing that is wrong with the others.
        left_out: Each system that is not valid, listed or declared, with the lines about it.
        listed: All systems of the list, in its order.
        unreadable: Files of the control table that dbt could not read either: no YAML, or a name declared twice.
        connections: Variables that hold the addresses of systems, those that are left out among them.
    """

    systems: tuple[SystemSpec, ...]
    problems: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    unreadable: tuple[Path, ...] = ()
    connections: frozenset[str] = frozenset()

    @property
    def not_built(self) -> tuple[str, ...]:
        """Listed systems that a build must do without."""
        return tuple(name for name in self.listed if name in self.left_out)


def read_control_table(
    project_dir: Path,
    bronze_dir: Path,
    kinds: KnownKinds | None = None,
    environment: Mapping[str, str] | None = None,
) -> ControlTable:
    """Read and validate the control table; a system with a problem is left out, so that the others load and build.

    Args:
        project_dir: Folder of dbt_project.yml, whose ``vars.systems`` lists the systems and the tables they feed.
        bronze_dir: Folder of the YAML, one dbt source per system; relative to the project or absolute. Sources
            without ``config.meta.kind`` are none of ours.
        kinds: The kinds of source there are, which validate the keys that belong to one of them; None leaves those keys
            unchecked, for readers that load nothing.
        environment: Variables that name the engine and the addresses of sources; none by default.
    """
    folder = project_dir / bronze_dir
    values = environment or {}
    lines: list[str] = []
    listed = _listed_systems(project_dir, folder, lines)
    usual = _project_dialect(project_dir, lines)
    problems = [Problem(line, None) for line in lines]
    model = read_common_data_model(project_dir)
    systems: dict[str, SystemSpec] = {}
    unreadable: list[Path] = []
    for path in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        declared, found = _declared(path, kinds, usual)
        for name in declared.keys() & systems.keys():
            first = systems[name].path.name
            found.append(Problem(f"{path.name}: {name}: is declared in {first} too; keep one", None))
        problems += found
        unreadable += [path] if any(problem.system is None for problem in found) else []
        systems = {**declared, **systems}
    with Binder(model.types, values.get("RCM_TARGET") or ENGINE) as binder:
        problems += _model_problems(systems.values(), model, binder)
    hospitals = hospitals_listed(listed, systems, model.of_everybody)
    systems = {name: system.model_copy(update={"hospitals": hospitals}) for name, system in systems.items()}
    problems += sharing_problems(systems, listed, values, kinds)
    unsound = {problem.system for problem in problems}
    place = folder.relative_to(project_dir) if folder.is_relative_to(project_dir) else folder
    if listed or not problems:
        problems += list_problems(listed, systems, unsound, place, all_read=not unreadable)
    return _judged(listed, systems, problems, unreadable)


def _judged(
    listed: Mapping[str, list[str]],
    systems: Mapping[str, SystemSpec],
    problems: list[Problem],
    unreadable: list[Path],
) -> ControlTable:
    """The systems without a problem, and the others with theirs."""
    lines: dict[str, list[str]] = {}
    for problem in problems:
        if problem.system is not None:
            lines.setdefault(problem.system, []).extend([problem.text] if problem.text else [])
    of_files = [problem.text for problem in problems if problem.system is None]
    for name, system in systems.items():
        if system.path in unreadable:
            lines.setdefault(name, []).extend(of_files)
    for name, tables in listed.items():
        if name not in systems and tables:
            lines.setdefault(name, []).extend(of_files)
    sound = tuple(systems[name] for name in listed if name in systems and name not in lines)
    return ControlTable(
        sound,
        tuple(problem.text for problem in problems if problem.text),
        {name: tuple(said) for name, said in lines.items()},
        tuple(listed),
        tuple(unreadable),
        frozenset(system.connection.env for system in systems.values()),
    )


def load_systems(
    project_dir: Path,
    bronze_dir: Path,
    kinds: KnownKinds | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[SystemSpec, ...]:
    """The systems of a control table without a problem; arguments as of ``read_control_table``.

    Raises:
        SpecError: Every problem found, one line each.
    """
    table = read_control_table(project_dir, bronze_dir, kinds, environment)
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
        document = parsed((project_dir / "dbt_project.yml").read_text(encoding="utf-8"))
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
        return parsed(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        cause = getattr(error, "problem", None) or "unreadable"
        problems.append(f"{path.name}{line}: is not valid YAML ({cause}); correct it")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: cannot be read ({type(error).__name__}); it must be a UTF-8 text file")
    return None


def _declared(
    path: Path, kinds: KnownKinds | None, usual: dict[str, Any]
) -> tuple[dict[str, SystemSpec], list[Problem]]:
    """The valid systems of a file by name, and what is wrong with the others."""
    lines: list[str] = []
    document = _read_yaml(path, lines)
    sources = document.get("sources", []) if isinstance(document, dict) else []
    if not isinstance(sources, list):
        lines.append(f"{path.name}: sources: is not a list; start each system with '- name:'")
        sources = []
    problems = [Problem(line, None) for line in lines]
    systems: dict[str, SystemSpec] = {}
    for source in sources:
        if _meta(source).get("kind") is None:
            continue
        lines = []
        system = _system(path, source, kinds, usual, lines)
        name = source.get("name")
        # What dbt cannot read either is the file's fault: it would stop every build.
        whose = name if isinstance(name, str) and _is_readable(source) else None
        problems += [Problem(line, whose) for line in lines]
        if system is not None and system.name in systems:
            problems.append(Problem(f"{path.name}: {name}: is declared in {path.name} too; keep one", None))
        elif system is not None:
            systems[system.name] = system
    return systems, problems


def _is_readable(source: dict[str, Any]) -> bool:
    """Whether dbt takes a source: its tables and columns are lists of what has a name, each once."""
    tables = source.get("tables")
    if not isinstance(tables, list) or not all(_is_named(table) for table in tables):
        return tables is None
    columns = [table.get("columns") or [] for table in tables]
    return (
        not repeated(table["name"] for table in tables)
        and isinstance(source.get("schema", ""), str)
        and all(isinstance(listed, list) and all(map(_is_named, listed)) for listed in columns)
    )


def _is_named(node: object) -> bool:
    texts = ("name", "data_type", "description")
    return isinstance(node, dict) and "name" in node and all(isinstance(node.get(key, ""), str) for key in texts)


def _meta(node: object) -> dict[str, Any]:
    meta = _at(node, "config", "meta")
    return meta if isinstance(meta, dict) else {}


def _system(
    path: Path, source: dict[str, Any], kinds: KnownKinds | None, usual: dict[str, Any], problems: list[str]
) -> SystemSpec | None:
    name, meta = source.get("name"), _meta(source)
    tables = source.get("tables") if isinstance(source.get("tables"), list) else []
    before = len(problems)
    dialect = merged(usual, _sound_dialect(meta.get("dialect"), f"{path.name}: {name}: config.meta.", problems))
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
                "dialect": merged(dialect, own),
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


def _model_problems(systems: Iterable[SystemSpec], model: CommonDataModel, binder: Binder) -> Iterator[Problem]:
    """What a source says about columns, rules and code systems of the common data model, or its own, that are not."""
    for system in systems:
        # Of words that the system declares for all of its tables, each table would report the same.
        of_system = list(_word_problems(system.dialect.words or {}, model))
        for problem in of_system:
            yield Problem(f"{system.path.name}: {system.name}: config.meta.{problem}", system.name)
        for table in system.tables:
            own = (problem for problem in _word_problems(table.dialect.words or {}, model) if problem not in of_system)
            for problem in (*_table_problems(table, model), *own, *binder.problems(table)):
                yield Problem(f"{system.path.name}: {table.label}: {problem}", system.name)


def _table_problems(table: TableSpec, model: CommonDataModel) -> Iterator[str]:
    entity = table.name
    if entity in model.columns:
        yield from _map_problems(table, model)
        yield from _rule_problems(table, model)
        yield from _code_problems(table, model)
    elif model.columns:
        # Without models there is nothing that a table could feed.
        yield f"is no entity of the common data model; {advice(entity, model.columns)}"


def _map_problems(table: TableSpec, model: CommonDataModel) -> Iterator[str]:
    yield from _unknown("map", "column", table, table.column_map, model.columns[table.name])
    for column in model.keys.get(table.name, ()):
        if column not in table.column_map and column != SOURCE_SYSTEM:
            yield f"map.{column}: is missing; it identifies a record, name the source column that holds it"


def _rule_problems(table: TableSpec, model: CommonDataModel) -> Iterator[str]:
    relations = model.relations[table.name]
    rules = model.rules.get(table.name, frozenset()) | relations
    yield from _unknown("severity", "rule", table, table.severity, rules)
    yield from _unknown("limits", "relation", table, table.limits, relations | model.limited[table.name])
    for name, severity in table.severity.items():
        if name in relations and severity not in ("warn", "ignore"):
            yield f"severity.{name}: judges current records, which are in gold already; it can only warn or ignore"
        elif name == UNLISTED:
            yield f"severity.{name}: cannot be changed; a hospital is added on purpose, in the list of systems"


def _code_problems(table: TableSpec, model: CommonDataModel) -> Iterator[str]:
    yield from _unknown("code_systems", "column with codes", table, table.code_systems, model.coded[table.name])
    for column, names in table.code_systems.items():
        for name in sorted(set(names) - model.code_systems):
            yield f"code_systems.{column}: {name} is no known code system; {advice(name, model.code_systems)}"


def _word_problems(words: Mapping[str, Mapping[str, Iterable[str]]], model: CommonDataModel) -> Iterator[str]:
    """What ``dialect.words`` says of columns and words that are not there, and words with two meanings."""
    vocabularies = {column: known for columns in model.vocabularies.values() for column, known in columns.items()}
    for column, meanings in words.items():
        if column not in vocabularies:
            yield f"dialect.words.{column}: has no list of words; {advice(column, vocabularies)}"
            continue
        canonical = {_plain(word): word for word in vocabularies[column]}
        meant: dict[str, str] = {}
        for meaning, spellings in meanings.items():
            place = f"dialect.words.{column}.{meaning}"
            if meaning not in vocabularies[column]:
                yield f"{place}: is no word of {column}; {advice(meaning, vocabularies[column])}"
                continue
            for word in spellings:
                other = canonical.get(_plain(word), meant.get(_plain(word), meaning))
                if other != meaning:
                    yield f"{place}: {word} means {other} already; a word has one meaning"
                meant[_plain(word)] = meaning


def _plain(word: str) -> str:
    """A word as macros/staging/words.sql compares it."""
    return re.sub(r"[\s_.\-]", "", word.lower())


def _unknown(key: str, what: str, table: TableSpec, given: Collection[str], known: frozenset[str]) -> Iterator[str]:
    for name in sorted(set(given) - known):
        yield f"{key}.{name}: is no {what} of {table.name}; {advice(name, known)}"
