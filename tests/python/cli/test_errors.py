"""Every error says what to do next: by its own message, or by its class."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.base import errors
from ingestion.base.errors import (
    BorderRejectedError,
    ErrorLine,
    IngestionError,
    SpecError,
    error_line,
    kind_named,
)
from tests.python.cli.conftest import Project, rcm

ROOT = Path(__file__).resolve().parents[3]
KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, (IngestionError, SpecError))
]
NAMES = {kind.__name__: kind for kind in KINDS}


def raised() -> Iterator[tuple[str, str, str]]:
    """Every error that is made anywhere in the package: where, its class, and what its message holds literally."""
    for path in sorted((ROOT / "ingestion").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
                pieces = [piece.value for piece in ast.walk(node) if isinstance(piece, ast.Constant)]
                text = "".join(piece for piece in pieces if isinstance(piece, str))
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, text


def test_every_error_says_what_to_do() -> None:
    found = list(raised())
    assert len(found) > 80
    # A message that is put together elsewhere has no literal here: its class has the remedy.
    without = [
        f"{place}: {text}" for place, name, text in found if "; " not in text and "next_step" not in vars(NAMES[name])
    ]
    assert without == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_class_of_errors_has_a_remedy_in_words(kind: type[IngestionError | SpecError]) -> None:
    said = error_line("something is wrong", kind)
    assert said.what == "something is wrong"
    assert len(said.next_step.split()) > 3
    assert not said.next_step.endswith(".")
    assert kind_named(kind.__name__) is kind


def test_a_message_is_parted_at_its_last_semicolon() -> None:
    assert error_line("a: x is wrong; and y; correct it") == ErrorLine("a: x is wrong; and y", "correct it")
    assert error_line("it breaks its contract; a; b", BorderRejectedError).next_step == BorderRejectedError.next_step
    assert kind_named("ValueError") is IngestionError
    assert kind_named(None) is IngestionError


def test_the_remedy_of_several_errors_is_told_once(project: Project) -> None:
    project.sql("drop table visits")
    project.sql("drop table wards")
    lines = rcm("ingest", "--source", "emr").stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "error", "next"]
    assert lines[-1] == "next: correct load.object"


def test_a_run_that_failed_does_not_say_that_all_is_well(project: Project) -> None:
    project.sql("drop table visits")
    result = rcm("ingest", "--source", "emr")
    assert result.exit_code == 1
    assert "1 of 2 loads failed" in result.stdout
