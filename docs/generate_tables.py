"""The tables of the documentation that repeat what the project declares: commands, rules, KPIs, columns.

The site builds them into its pages (``docs/site_hooks.py``). Only the KPI table of README.md is committed: run
`make docs-tables` after a change of a headline KPI; a test fails until the table agrees.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import yaml

from docs.command_reference import command_sections

ROOT = Path(__file__).resolve().parent.parent
STAGING = ROOT / "models/silver/staging/_staging__models.yml"
COMMON_DATA_MODEL = ROOT / "models/silver/cdm/_cdm__models.yml"
DEIDENTIFIED = ROOT / "models/silver/deid/_deid__models.yml"
GOLD = ROOT / "models/gold"
KPIS = GOLD / "kpis"
RULE_MACROS = ROOT / "macros/staging/rules.sql"
RELATION_MACROS = ROOT / "macros/quality/relations.sql"

# The order of the data dictionary: where analysts look first.
DICTIONARY = {
    "KPIs": ("gold", sorted(KPIS.rglob("_*__models.yml"))),
    "Ledger": ("gold", [GOLD / "ledger/_ledger__models.yml"]),
    "Facts": ("gold", [GOLD / "facts/_facts__models.yml"]),
    "Dimensions": ("gold", [GOLD / "dimensions/_dimensions__models.yml"]),
    "silver_deid": ("silver_deid", [DEIDENTIFIED]),
}

# The unit follows from the name (CONTRIBUTING.md): the first that fits. A year, a rank, a key have none.
UNITS = (
    (re.compile(r"_amount$"), "USD"),
    (re.compile(r"_pct$"), "percent"),
    (re.compile(r"_rate$"), "fraction"),
    (re.compile(r"(^|_)days(_|$)"), "days"),
    (re.compile(r"^months_"), "months"),
    (re.compile(r"(_claims|_count)$"), "count"),
)
NUMERIC = ("decimal", "bigint")

# What every KPI's contract says; null where there is none.
CONTRACT_KEYS = (
    "name",
    "label",
    "formula",
    "numerator",
    "denominator",
    "date_basis",
    "exclusions",
    "computability",
    "needs",
    "unit",
    "target",
    "benchmark",
)


MARKER = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def main() -> int:
    """Rewrite the KPI table of README.md."""
    page = ROOT / "README.md"
    text = page.read_text()
    if (renewed := with_headline_table(text)) != text:
        page.write_text(renewed)
        sys.stdout.write("README.md renewed\n")
    return 0


def with_headline_table(text: str) -> str:
    """Return README's text with its KPI table as the contracts declare it.

    Raises:
        ValueError: The text has no marked KPI table, or more than one.
    """
    block = re.compile(r"(<!-- KPI table: begin[^\n]*-->\n).*?(<!-- KPI table: end -->)", re.DOTALL)
    renewed, count = block.subn(lambda match: f"{match[1]}{headline_table()}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"expected one KPI table in README.md, found {count}")
    return renewed


def with_tables(text: str) -> str:
    """Return a page's text with each marker, ``<!-- generated: NAME -->``, replaced by its table in Markdown.

    Raises:
        KeyError: No table has that name.
    """
    return MARKER.sub(lambda marker: TABLES[marker[1]](), text)


def rule_table() -> str:
    """Return one table row per rule: rule, entity, meaning, severity, test."""
    rows = [
        (f"`{rule['name']}`", "every entity", rule["description"], rule["severity"], "the staging macro")
        for rule in built_in_rules()
    ]
    for entity, meta in entities(STAGING, "stg_"):
        rows += [
            (f"`{rule['name']}`", entity, rule["description"], rule["severity"], rule_test(rule))
            for rule in meta["config"]["meta"].get("rules", [])
        ]
    rows += [row for entity, model in entities(COMMON_DATA_MODEL, "cdm_") for row in relation_rows(entity, model)]
    return markdown_table(("rule", "entity", "meaning", "severity", "bad when"), rows)


def relation_rows(entity: str, model: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a table row for each relation of an entity's references."""
    missing = parent_missing()
    for column in model["columns"]:
        if parent := column_meta(column).get("references"):
            name, place = column["name"], f"`{column['name']}` among the current {parent}"
            yield (
                f"`{missing['name'].replace('{column}', name)}`",
                entity,
                missing["description"].replace("{parent}", parent),
                missing["severity"],
                f"`dq_references`: not {place}",
            )
            for relation in column_meta(column).get("relations", []):
                test = f"`dq_references`: {place} and `{' '.join(relation['bad_when'].split())}`"
                yield f"`{relation['name']}`", entity, relation["description"], relation["severity"], test


def built_in_rules() -> list[dict[str, str]]:
    """Return the rules every entity has, read from the macro that declares them."""
    rules: list[dict[str, str]] = ast.literal_eval(returned_by("built_in_rules", RULE_MACROS))
    return rules


def parent_missing() -> dict[str, str]:
    """Return the relation every reference has, read from the macro that declares it."""
    relation: dict[str, str] = ast.literal_eval(returned_by("parent_missing", RELATION_MACROS))
    return relation


def returned_by(macro: str, path: Path) -> str:
    """Return the text of the literal that a macro returns.

    Raises:
        ValueError: The file has no such macro.
    """
    declared = re.search(rf"macro {macro}\(\) %}}\s*{{{{ return\((.*?)\) }}}}", path.read_text(), re.DOTALL)
    if declared is None:
        raise ValueError(f"{path} declares no macro {macro} that returns a literal")
    return declared[1]


def rule_test(rule: Mapping[str, Any]) -> str:
    """Return what makes a row bad, as code, with the treatment of NULL."""
    if "not_matching" in rule:
        ((column, pattern),) = rule["not_matching"].items()
        test = f"`{column}` does not match `{pattern}`"
    elif "malformed_code" in rule:
        test = f"`{rule['malformed_code']}` has no shape of its [code systems](#code-systems)"
    elif "macro" in rule:
        ((macro, column),) = rule["macro"].items()
        test = f"`{macro}({column})`"
    else:
        test = f"`{' '.join(rule['bad_when'].split())}`"
    return test if rule.get("null_is_bad", True) else f"{test}; NULL is fine"


@dataclass(frozen=True)
class KpiContract:
    """One entry of config.meta.kpis, with the model it stands in; a contract without SQL has no model to compute it."""

    model: str
    subject: str
    columns: frozenset[str]
    said: Mapping[str, str | None]

    @property
    def has_model(self) -> bool:
        """False where the contract only says what is missing."""
        return self.model != "kpi_contracts"


def kpi_contracts() -> list[KpiContract]:
    """Return every KPI contract, by folder, then those without a model."""
    contracts = [
        KpiContract(model["name"], path.parent.name, frozenset(column["name"] for column in model["columns"]), said)
        for path in sorted(KPIS.rglob("_*__models.yml"))
        for _, model in entities(path, "kpi_")
        for said in model["config"]["meta"].get("kpis", [])
    ]
    return sorted(contracts, key=lambda contract: not contract.has_model)


def headline_table() -> str:
    """Return one table row per KPI of the headline page."""
    keys = ("label", "formula", "unit", "target")
    rows = [
        tuple(contract.said[key] or "" for key in keys)
        for contract in kpi_contracts()
        if "headline_period" in contract.said
    ]
    return markdown_table(("KPI", *keys[1:]), rows)


def kpi_sections() -> str:
    """Return a section per folder of KPIs, in it one per KPI with its whole contract."""
    parts = []
    for (has_model, subject), contracts in groupby(kpi_contracts(), key=lambda kpi: (kpi.has_model, kpi.subject)):
        parts.append(f"## {subject.replace('_', ' ').capitalize() if has_model else 'Not computed: needs a column'}")
        for contract in contracts:
            table = markdown_table((f"`{contract.said['name']}`", ""), contract_rows(contract))
            parts.append(f"### {contract.said['label']}\n\n{table}")
    return "\n\n".join(parts)


def contract_rows(contract: KpiContract) -> list[tuple[str, str]]:
    """Return what a contract says, a row per key; SQL as code, without the alias of the model."""
    sql = {key: f"`{said.replace('kpi.', '')}`" for key in ("numerator", "denominator") if (said := contract.said[key])}
    rows = [("model", f"`gold.{contract.model}`")] if contract.has_model else []
    rows += [(key.replace("_", " "), sql.get(key) or contract.said[key] or "none") for key in CONTRACT_KEYS[2:]]
    if "rolls_up" in contract.said:
        rows.append(("rolls up", "no: it holds for its row alone"))
    if "feed" in contract.said:
        rows.append(("feed", f"`{contract.said['feed']}`: empty until it arrives"))
    return rows


def dictionary_sections() -> str:
    """Return a section per part of the warehouse, in it one per table with its grain and every column."""
    blocks = doc_blocks()
    parts = []
    for title, (schema, paths) in DICTIONARY.items():
        parts.append(f"## {title}")
        for name, model in dictionary_models(paths):
            rows = [
                (f"`{column['name']}`", column["data_type"], unit(column), described(column, blocks))
                for column in model["columns"]
            ]
            table = markdown_table(("column", "type", "unit", "meaning, with its sign"), rows)
            one_row = f"{described(model, blocks)} One row per {grain(model)}."
            parts.append(f"### {schema}.{name}\n\n{one_row}\n\n{table}")
    return "\n\n".join(parts)


def dictionary_models(paths: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the models of some properties files, by name."""
    return chain.from_iterable(entities(path, "") for path in paths)


def dictionary_entries() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield every column of the data dictionary: its table with schema, what is declared of it, what it means."""
    blocks = doc_blocks()
    for schema, paths in (*DICTIONARY.values(), ("silver", [COMMON_DATA_MODEL])):
        for name, model in dictionary_models(paths):
            for column in model["columns"]:
                yield f"{schema}.{name}", column, described(column, blocks)


def grain(model: Mapping[str, Any]) -> str:
    """Return what one row of a model is."""
    return str(model["config"]["meta"]["grain"])


def unit(column: Mapping[str, Any]) -> str:
    """Return the unit of a number, which follows from its name; empty where it has none."""
    if not column["data_type"].startswith(NUMERIC):
        return ""
    return next((said for name, said in UNITS if name.search(column["name"])), "")


def described(what: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    """Return a description as one line, with the doc blocks it names."""
    text = re.sub(r"{{ doc\('(\w+)'\) }}", lambda name: blocks[name[1]], what["description"])
    return " ".join(text.split())


def doc_blocks() -> dict[str, str]:
    """Return every doc block of the models, by name."""
    block = re.compile(r"{% docs (\w+) %}(.*?){% enddocs %}", re.DOTALL)
    pages = sorted((ROOT / "models").rglob("*.md"))
    return {name: text for page in pages for name, text in block.findall(page.read_text())}


def cdm_sections() -> str:
    """Return a section per table of the common data model, with what a source's map has to give for each column."""
    staging, blocks, parts = dict(entities(STAGING, "stg_")), doc_blocks(), []
    for entity, model in entities(COMMON_DATA_MODEL, "cdm_"):
        meta = staging[entity]["config"]["meta"]
        rows = [
            (f"`{column['name']}`", column["data_type"], unit(column), described(column, blocks), mapped(column, meta))
            for column in model["columns"]
        ]
        rows += [
            (f"`{name}`", data_type, "", "Checked by a rule and then dropped.", "Optional; stays in bronze.")
            for name, data_type in meta.get("inputs", {}).items()
        ]
        header = ("column", "type", "unit", "meaning, with its sign", "from the source")
        parts.append(f"### silver.cdm_{entity}\n\n{described(model, blocks)}\n\n{markdown_table(header, rows)}")
    return "\n\n".join(parts)


def mapped(column: Mapping[str, Any], staging: Mapping[str, Any]) -> str:
    """Return what a source's map has to give for a column: key, accepted words, parent; or that nothing maps it."""
    meta = column_meta(column)
    if {"computed", "keyed_hash"} & set(meta):
        return "Computed."
    notes = ["Natural key: always map it." if column["name"] in staging["key_columns"] else "Optional."]
    if "values" in meta:
        words = "; ".join(f"{value}: {', '.join(accepted)}" for value, accepted in meta["values"].items())
        notes.append(f"Accepted words, in any case: {words}.")
    if "references" in meta:
        notes.append(f"Looked up in {meta['references']}.")
    return " ".join(notes)


def entities(path: Path, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each model declared in a properties file, under the name of its entity."""
    for model in yaml.safe_load(path.read_text())["models"]:
        yield model["name"].removeprefix(prefix), model


def column_meta(column: Mapping[str, Any]) -> dict[str, Any]:
    """Return the meta of a column as declared under its config."""
    meta: dict[str, Any] = column.get("config", {}).get("meta", {})
    return meta


def markdown_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table; a pipe inside a cell is escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# What a page may name in a marker.
TABLES: Mapping[str, Callable[[], str]] = {
    "commands": command_sections,
    "rules": rule_table,
    "kpis": kpi_sections,
    "dictionary": dictionary_sections,
    "common_data_model": cdm_sections,
}


if __name__ == "__main__":
    sys.exit(main())
