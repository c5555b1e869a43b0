"""docs/failure-modes.md names tests that exist."""

import re
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_PAGE = _TESTS.parents[1] / "docs" / "failure-modes.md"


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", _PAGE.read_text(encoding="utf-8"))

    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in _text(file)]
    assert named
    assert missing == []


def _text(file: str) -> str:
    path = _TESTS / file
    return path.read_text(encoding="utf-8") if path.is_file() else ""
