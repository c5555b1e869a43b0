"""SQL that only one engine accepts is only in macros/cross_db."""

import re
from pathlib import Path

import pytest

from tests.python.lakehouses import PROJECT

FOLDERS = ("models", "snapshots", "macros", "tests/invariants", "tests/generic", "tests/macros", "analyses")
ELSEWHERE = ("macros/cross_db/", "macros/unity_catalog/")
# Jinja's own code and comments are not SQL; what Jinja prints is.
NOT_SQL = re.compile(r"\{#.*?#\}|\{%.*?%\}|--[^\n]*|'[^'\n]*'", re.DOTALL)

CONSTRUCTS = {
    # Sail widens a negated decimal to decimal(38, 10) and then breaks the table's schema: 0 - amount.
    "an amount negated by its sign alone": r"(?:[(,]|\b(?:then|else|when|select)\b)\s*-\s*[a-z_{]",
    "group by all": r"\b(?:group|order)\s+by\s+all\b",
    "qualify": r"\bqualify\b",
    "a cast by colons": r"::\s*[a-z]",
    "a pattern of one engine": r"\b(?:rlike|regexp_matches|regexp_like)\b",
    "a hash of one engine": r"\b(?:sha256|sha2)\s*\(",
    "a sum of conditions": r"\bsum\s*\(\s*[a-z_.]+\s*(?:[<>=]|is )",
}


def sql_files() -> list[Path]:
    files = [file for folder in FOLDERS for file in sorted((PROJECT / folder).rglob("*.sql"))]
    return [file for file in files if not str(file.relative_to(PROJECT)).startswith(ELSEWHERE)]


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_engine_takes_what_is_written(construct: str) -> None:
    pattern = re.compile(CONSTRUCTS[construct], re.IGNORECASE)
    found = [
        f"{file.relative_to(PROJECT)}: {match.group().strip()}"
        for file in sql_files()
        for match in pattern.finditer(NOT_SQL.sub(" ", file.read_text(encoding="utf-8")))
    ]
    assert not found


@pytest.mark.parametrize(
    ("construct", "sql"),
    [
        ("an amount negated by its sign alone", "select\n    -ar_delta_amount as paid"),
        ("an amount negated by its sign alone", "cast(-{{ amount }} as decimal(18, 2))"),
        ("group by all", "select a from t group by all"),
        ("a cast by colons", "select a::date"),
        ("a sum of conditions", "sum(amount > 0)"),
    ],
)
def test_the_constructs_are_recognised(construct: str, sql: str) -> None:
    assert re.search(CONSTRUCTS[construct], NOT_SQL.sub(" ", sql), re.IGNORECASE)
