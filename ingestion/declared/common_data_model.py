"""The common data model as the dbt models declare it: the columns a source may map, and its rules."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingestion.declared.yaml_text import parsed

# Rules that macros/staging applies to every entity.
BUILT_IN_RULES = frozenset(
    {
        "key_missing",
        "value_unparseable",
        "hospital_not_listed",
        "key_repeated_in_batch",
        "key_resembles_another",
        "key_in_scientific_notation",
        "reference_in_scientific_notation",
        "contract_broken",
        "amount_implausible",
        "amount_rounded",
        "inserted_at_out_of_range",
        "modified_at_out_of_range",
    }
)


@dataclass(frozen=True)
class CommonDataModel:
    """Names by entity; an entity that the project does not declare is not in them.

    Args:
        columns: What a map can fill.
        rules: What judges a row.
        relations: What judges a record together with the one it refers to.
        limited: Rules with a limit of their failures, beside the relations.
        coded: Columns that hold codes of a code system.
        code_systems: The code systems there are, of all entities.
        vocabularies: Columns with a list of words, each with its canonical words.
        types: Type of each column that a map can fill.
        keys: Columns that identify a record.
    """

    columns: Mapping[str, frozenset[str]]
    rules: Mapping[str, frozenset[str]]
    relations: Mapping[str, frozenset[str]]
    limited: Mapping[str, frozenset[str]]
    coded: Mapping[str, frozenset[str]]
    code_systems: frozenset[str]
    vocabularies: Mapping[str, Mapping[str, tuple[str, ...]]]
    types: Mapping[str, Mapping[str, str]]
    keys: Mapping[str, tuple[str, ...]]

    @property
    def of_everybody(self) -> frozenset[str]:
        """Entities whose records belong to no hospital, such as codes."""
        return frozenset(entity for entity, columns in self.keys.items() if columns and "source_system" not in columns)


def read_common_data_model(project_dir: Path) -> CommonDataModel:
    """Read models/silver (``cdm_<entity>``, ``stg_<entity>``) and vars.code_systems; what is wrong, dbt says."""
    models = project_dir / "models" / "silver"
    staging = {name.removeprefix("stg_"): model for name, model in _models(models / "staging").items()}
    contracts = {name.removeprefix("cdm_"): model for name, model in _models(models / "cdm").items()}
    columns = {
        entity: frozenset(
            {
                column["name"]
                for column in model.get("columns", [])
                if not {"computed", "keyed_hash"} & set(_meta(column))
            }
            | set(_meta(staging.get(entity, {})).get("inputs", {}))
            | {"source_system"}
        )
        for entity, model in contracts.items()
    }
    rules = {
        entity: frozenset({rule["name"] for rule in _meta(model).get("rules", [])}) | BUILT_IN_RULES
        for entity, model in staging.items()
    }
    relations = {entity: frozenset(_relations(model)) for entity, model in contracts.items()}
    limited = {
        entity: frozenset(
            rule["name"] for rule in _meta(staging.get(entity, {})).get("rules", []) if "unknown_word" in rule
        )
        for entity in contracts
    }
    coded = {
        entity: frozenset(column["name"] for column in model.get("columns", []) if _meta(column).get("code_systems"))
        for entity, model in contracts.items()
    }
    types = {
        entity: {
            **{column["name"]: column["data_type"] for column in model.get("columns", []) if "data_type" in column},
            **_meta(staging.get(entity, {})).get("inputs", {}),
        }
        for entity, model in contracts.items()
    }
    keys = {entity: tuple(_meta(model).get("key_columns", [])) for entity, model in staging.items()}
    variables = _variables(project_dir / "dbt_project.yml")
    vocabularies = {entity: dict(_vocabularies(model, variables)) for entity, model in contracts.items()}
    return CommonDataModel(
        columns,
        rules,
        relations,
        limited,
        coded,
        frozenset(variables.get("code_systems", {})),
        vocabularies,
        types,
        keys,
    )


def _vocabularies(model: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Columns with words, as macros/staging/words.sql reads them."""
    for column in model.get("columns", []):
        values = _meta(column).get("values")
        if values == "event_types":
            types = variables.get("event_types", [])
            yield column["name"], tuple(row["type"] for row in types if "words" in row)
        elif values:
            yield column["name"], tuple(values)


def _relations(model: Mapping[str, Any]) -> Iterator[str]:
    """Names as macros/quality/relations.sql gives them."""
    for column in model.get("columns", []):
        if "references" in _meta(column):
            yield f"{column['name']}_not_found"
            yield from (relation["name"] for relation in _meta(column).get("relations", []))


def _variables(path: Path) -> dict[str, Any]:
    with contextlib.suppress(yaml.YAMLError, OSError):
        document: Any = parsed(path.read_text(encoding="utf-8")) or {}
        return dict(document.get("vars", {}))
    return {}


def _models(folder: Path) -> dict[str, dict[str, Any]]:
    models: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.yml")):
        with contextlib.suppress(yaml.YAMLError):
            document: Any = parsed(path.read_text(encoding="utf-8")) or {}
            models |= {model["name"]: model for model in document.get("models", [])}
    return models


def _meta(node: Mapping[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = node.get("config", {}).get("meta", {})
    return meta
