"""What the dbt models declare of the common data model: the columns a source may map, and the rules that judge it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# Rules that macros/staging judges for every entity.
BUILT_IN_RULES = frozenset({"key_missing", "value_unparseable", "key_repeated_in_batch", "contract_broken"})


@dataclass(frozen=True)
class CommonDataModel:
    """Names by entity; an entity that the project does not declare is not in them."""

    columns: Mapping[str, frozenset[str]]
    rules: Mapping[str, frozenset[str]]


def read_common_data_model(project_dir: Path) -> CommonDataModel:
    """Read ``cdm_<entity>`` and ``stg_<entity>`` of models/silver; what is wrong with these files, dbt reports."""
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
    return CommonDataModel(columns, rules)


def _models(folder: Path) -> dict[str, dict[str, Any]]:
    models: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.yml")):
        with contextlib.suppress(yaml.YAMLError):
            document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            models |= {model["name"]: model for model in document.get("models", [])}
    return models


def _meta(node: Mapping[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = node.get("config", {}).get("meta", {})
    return meta
