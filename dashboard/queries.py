"""The queries of the pages: one SQL file each, which begins with its question and how to read the answer.

A query stands beside the page that asks it; queries that several pages ask stand in queries/.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dashboard import views

_SHARED = Path(__file__).parent / "queries"
_HEADING = re.compile(r"^-- (Question|Reading|Contracts): ?")


@dataclass(frozen=True)
class Query:
    """One query and what its file says of it.

    Args:
        question: What it answers.
        reading: How to read the answer: what is counted, by which date, what is left out.
        contracts: KPIs whose contracts its numbers follow.
        sql: The text below the heading.
    """

    name: str
    question: str
    reading: str
    contracts: tuple[str, ...]
    sql: str


@cache
def query(name: str) -> Query:
    """The query of a file, by its name without the ending."""
    heading, body = _parts(_files()[name].read_text())
    return Query(
        name=name,
        question=heading.get("Question", ""),
        reading=heading.get("Reading", ""),
        contracts=_names(heading.get("Contracts", "")),
        sql=body,
    )


def query_names() -> list[str]:
    """All of them."""
    return sorted(_files())


@cache
def _files() -> dict[str, Path]:
    """File of each query; the name is unique, because exports and the keys of tables use it."""
    of_pages = [file for folder in views.__path__ for file in Path(folder).glob("*/*.sql")]
    return {file.stem: file for file in [*_SHARED.glob("*.sql"), *of_pages]}


def _parts(text: str) -> tuple[dict[str, str], str]:
    """The comment that heads a file, by its words, and the rest."""
    heading: dict[str, str] = {}
    word = ""
    lines = text.splitlines()
    count = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    for line in lines[:count]:
        if found := _HEADING.match(line):
            word = found[1]
            heading[word] = line[found.end() :]
        else:
            heading[word] += " " + line.removeprefix("-- ")
    return heading, "\n".join(lines[count:]).strip()


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())
