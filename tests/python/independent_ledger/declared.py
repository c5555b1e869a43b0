"""What a project declares about its hospitals: the control table, the words of the common data model, event types.

Only YAML is read here; the project's own reader of the control table is part of what is checked.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.python.independent_ledger.clocks import Clock

ENTITIES = ("transactions", "adjustments")
# Columns of the common data model that the ledger needs, by how their values are read.
DATES = ("service_date", "visit_date", "paid_date", "post_date")
MOMENTS = ("inserted_at", "modified_at")
AMOUNTS = ("charge_amount", "paid_amount", "adjustment_amount")


@dataclass(frozen=True)
class Table:
    """One source table that feeds charge lines or adjustments.

    Args:
        system: Source system.
        entity: Table of the common data model it feeds.
        columns: Column of the common data model, and the source column or expression that gives it.
        types: Declared type of each source column.
        date_format: How its text dates are written, as in ``M/d/yyyy``; None is ISO 8601.
        dialect: The block ``dialect`` of the system, overridden by the table's own.
        severities: Rules to which the table gives another severity.
        code_systems: Code systems of a column, where the table says which.
        amount_limit: Greatest plausible amount, where the table or its system says which.
    """

    system: str
    entity: str
    columns: Mapping[str, str]
    types: Mapping[str, str]
    date_format: str | None = None
    dialect: Mapping[str, Any] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    code_systems: Mapping[str, str | list[str]] = field(default_factory=dict)
    amount_limit: Decimal | None = None

    @property
    def name(self) -> str:
        """System and table, as ``_source_table`` has it."""
        return f"{self.system}.{self.entity}"

    @property
    def clock(self) -> Clock:
        """The hospital's clocks."""
        return Clock(self.dialect.get("time_zone") or "UTC")


@dataclass(frozen=True)
class Rule:
    """A rule of an entity.

    Args:
        severity: What becomes of a row that fails it.
        null_is_bad: A value that is missing is bad.
    """

    severity: str
    null_is_bad: bool


# What is checked of every entity, beside its own rules.
BUILT_IN_RULES = {"amount_implausible": Rule("quarantine", False)}


@dataclass(frozen=True)
class Project:
    """The declarations of one project folder under one control table."""

    folder: Path
    control_table: str = "models/bronze"

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The block ``vars`` of dbt_project.yml."""
        variables: dict[str, Any] = yaml.safe_load((self.folder / "dbt_project.yml").read_text())["vars"]
        return variables

    @property
    def tables(self) -> Iterator[Table]:
        """Listed tables of charge lines and adjustments, in the order of the list."""
        listed: Mapping[str, list[str]] = self.variables["systems"][self.control_table]
        for file in sorted((self.folder / self.control_table).glob("*.yml")):
            for source in yaml.safe_load(file.read_text()).get("sources", []):
                for table in source["tables"]:
                    if table["name"] in ENTITIES and table["name"] in listed.get(source["name"], []):
                        yield _table(source, table)

    @cached_property
    def words(self) -> Mapping[tuple[str, str], Mapping[str, str]]:
        """Of each entity and column with a vocabulary: word in lower case, and the canonical word it means."""
        document = yaml.safe_load((self.folder / "models/silver/cdm/_cdm__models.yml").read_text())
        found = {}
        for model in document["models"]:
            for column in model["columns"]:
                values = column.get("config", {}).get("meta", {}).get("values")
                if values == "event_types":
                    values = {row["type"]: row["words"] for row in self.variables["event_types"] if "words" in row}
                if values:
                    found[model["name"].removeprefix("cdm_"), column["name"]] = _meanings(values)
        return found

    @cached_property
    def rules(self) -> Mapping[str, Mapping[str, Rule]]:
        """Declared rules by entity and name."""
        document = yaml.safe_load((self.folder / "models/silver/staging/_staging__models.yml").read_text())
        return {
            model["name"].removeprefix("stg_"): {
                **BUILT_IN_RULES,
                **{
                    rule["name"]: Rule(rule["severity"], rule.get("null_is_bad", True))
                    for rule in model["config"]["meta"]["rules"]
                },
            }
            for model in document["models"]
        }

    def shapes(self, table: Table, column: str, usual: str) -> list[str]:
        """Regular expressions of the codes that a column may hold; none where any text is a code."""
        systems = table.code_systems.get(column, usual)
        return [
            shape
            for name in ([systems] if isinstance(systems, str) else systems)
            for shape in self.variables["code_systems"][name]
        ]

    def amount_limit(self, table: Table) -> Decimal:
        """Greatest plausible amount of a line, USD, whatever its sign."""
        return Decimal(table.amount_limit or self.variables.get("amount_limit", "Infinity"))

    def dialect(self, table: Table) -> Mapping[str, Any]:
        """How a table's values are read: its own dialect over the project's, key by key, bounds column by column."""
        usual = self.variables["dialect"]
        own_bounds = table.dialect.get("date_bounds", {})
        bounds = {
            name: {**usual["date_bounds"].get(name, {}), **own_bounds.get(name, {})}
            for name in {*usual["date_bounds"], *own_bounds}
        }
        return {**usual, **table.dialect, "date_bounds": bounds}

    def read_word(self, table: Table, column: str, text: str | None) -> str | None:
        """The canonical word; None where the text is no word of the vocabulary."""
        own = table.dialect.get("words", {}).get(column, {})
        return None if text is None else {**self.words[table.entity, column], **_meanings(own)}.get(folded(text))


def folded(text: str) -> str:
    """A word as it is compared: without case, white space, ``-``, ``_`` and ``.``."""
    return re.sub(r"[\s_.-]", "", text).lower()


def _meanings(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {folded(word): canonical for canonical, words in values.items() for word in (canonical, *words)}


def _table(source: Mapping[str, Any], table: Mapping[str, Any]) -> Table:
    of_system, meta = source["config"]["meta"], table["config"]["meta"]
    return Table(
        system=source["name"],
        entity=table["name"],
        columns=meta["map"],
        types={column["name"]: column["data_type"] for column in table["columns"]},
        date_format=meta.get("date_format"),
        dialect={**of_system.get("dialect", {}), **meta.get("dialect", {})},
        severities=meta.get("severity", {}),
        code_systems=meta.get("code_systems", {}),
        amount_limit=meta.get("amount_limit", of_system.get("amount_limit")),
    )
