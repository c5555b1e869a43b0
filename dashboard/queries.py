"""The queries of the pages: one SQL file each, which begins with its question and how to read the answer."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"
_HEADING = re.compile(r"^-- (Question|Reading|Contracts|Uses): ?")


@dataclass(frozen=True)
class Query:
    """One query and what its file says of it.

    Args:
        question: What it answers.
        reading: How to read the answer: what is counted, by which date, what is left out.
        contracts: KPIs whose contracts its numbers follow.
        sql: The whole text, with the shared common table expressions it uses.
    """

    name: str
    question: str
    reading: str
    contracts: tuple[str, ...]
    sql: str


@cache
def query(name: str) -> Query:
    """The query of a file in queries/."""
    heading, body = _parts((FOLDER / f"{name}.sql").read_text())
    return Query(
        name=name,
        question=heading.get("Question", ""),
        reading=heading.get("Reading", ""),
        contracts=_names(heading.get("Contracts", "")),
        sql=_with_shared(body, _names(heading.get("Uses", ""))),
    )


def query_names() -> list[str]:
    """All of them."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))


def with_shared(body: str, *uses: str) -> str:
    """A query that was composed elsewhere, with shared common table expressions in front."""
    return _with_shared(body, uses)


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


def _with_shared(body: str, uses: tuple[str, ...]) -> str:
    shared = [f"{name} as (\n{_parts((FOLDER / 'shared' / f'{name}.sql').read_text())[1]}\n)" for name in uses]
    if not shared:
        return body
    own = body.removeprefix("with").strip() if body.startswith("with") else None
    return "with\n\n" + ",\n\n".join(shared) + (f",\n\n{own}" if own else f"\n\n{body}")


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())
