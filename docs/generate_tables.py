"""Write the tables of docs/ that repeat what the models declare: the rules, the KPIs, the columns a hospital can map.

Run `make docs-tables` after a change of any of these; a test fails until the tables agree.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
STAGING = ROOT / "models/silver/staging/_staging__models.yml"
COMMON_DATA_MODEL = ROOT / "models/silver/cdm/_cdm__models.yml"
KPIS = ROOT / "models/gold/kpis"
RULE_MACROS = ROOT / "macros/staging/rules.sql"

# What a KPI's contract says in the dictionary, besides its name and formula; a contract may leave out the last two.
KPI_DETAILS = ("date_basis", "exclusions", "unit", "computability", "target", "benchmark")


def main() -> int:
    """Rewrite the generated block of every page and say which changed."""
    for page, table in tables().items():
        text = page.read_text()
        renewed = with_table(text, table)
        if renewed != text:
            page.write_text(renewed)
            sys.stdout.write(f"{page.relative_to(ROOT)} renewed\n")
    return 0


def tables() -> dict[Path, str]:
    """Return the generated table of each page, in Markdown."""
    return {
        ROOT / "docs/data-quality.md": rule_table(),
        ROOT / "docs/common-data-model.md": mapping_tables(),
        ROOT / "docs/kpis.md": kpi_table("label", "formula", *KPI_DETAILS),
        ROOT / "README.md": kpi_table("label", "formula", "unit", "target"),
    }


def with_table(text: str, table: str) -> str:
    """Return a page's text with its generated block replaced.

    Raises:
        ValueError: The page has no block, or more than one.
    """
    block = re.compile(r"(<!-- generated: begin[^\n]*-->\n).*?(<!-- generated: end -->)", re.DOTALL)
    renewed, count = block.subn(lambda match: f"{match[1]}{table}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"expected one generated block in the page, found {count}")
    return renewed


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
    for entity, model in entities(COMMON_DATA_MODEL, "cdm_"):
        rows += [
            (
                f"`{column['name']}_not_found`",
                entity,
                f"The {parent} record it names does not exist; facts use the unknown member.",
                "warn",
                f"`dq_references`: `{column['name']}` among the current {parent}",
            )
            for column in model["columns"]
            if (parent := column_meta(column).get("references"))
        ]
    return markdown_table(("rule", "entity", "meaning", "severity", "bad when"), rows)


def built_in_rules() -> list[dict[str, str]]:
    """Return the rules every entity has, read from the macro that declares them."""
    declared = re.search(r"macro built_in_rules\(\) %}\s*{{ return\((\[.*?\])\) }}", RULE_MACROS.read_text(), re.DOTALL)
    if declared is None:
        raise ValueError(f"{RULE_MACROS} declares no built-in rules")
    rules: list[dict[str, str]] = ast.literal_eval(declared[1])
    return rules


def rule_test(rule: Mapping[str, Any]) -> str:
    """Return what makes a row bad, as code, with the treatment of NULL."""
    if "not_matching" in rule:
        ((column, pattern),) = rule["not_matching"].items()
        test = f"`{column}` does not match `{pattern}`"
    elif "macro" in rule:
        ((macro, column),) = rule["macro"].items()
        test = f"`{macro}({column})`"
    else:
        test = f"`{' '.join(rule['bad_when'].split())}`"
    return test if rule.get("null_is_bad", True) else f"{test}; NULL is fine"


def kpi_table(*keys: str) -> str:
    """Return one table row per KPI contract, with these of its keys as columns."""
    rows = [
        tuple(kpi.get(key, "") for key in keys)
        for path in sorted(KPIS.rglob("_*__models.yml"))
        for _, model in entities(path, "kpi_")
        for kpi in model["config"]["meta"].get("kpis", [])
    ]
    return markdown_table(tuple(key.replace("label", "KPI").replace("_", " ") for key in keys), rows)


def mapping_tables() -> str:
    """Return a section per entity with the columns that a source's map can fill."""
    sections = []
    staging = dict(entities(STAGING, "stg_"))
    for entity, model in entities(COMMON_DATA_MODEL, "cdm_"):
        meta = staging[entity]["config"]["meta"]
        key = [name for name in meta["key_columns"] if name != "source_system"]
        rows = [
            (f"`{column['name']}`", column["data_type"], column_notes(column, key))
            for column in model["columns"]
            if not column_meta(column).get("computed")
        ]
        rows += [
            (f"`{name}`", data_type, "Judged by a rule and then dropped; it never leaves bronze.")
            for name, data_type in meta.get("inputs", {}).items()
        ]
        sections.append(f"### {entity}\n\n{markdown_table(('column', 'type', 'meaning'), rows)}")
    return "\n\n".join(sections)


def column_notes(column: Mapping[str, Any], key: list[str]) -> str:
    """Return a column's description with its key, accepted words and parent."""
    meta = column_meta(column)
    notes = [column["description"]]
    if column["name"] in key:
        notes.append("Natural key: always map it.")
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


if __name__ == "__main__":
    sys.exit(main())
