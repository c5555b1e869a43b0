"""Help that people can copy from: every command has examples, and each of them is one that the command takes."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len
from typer import BadParameter
from typer.main import get_command

from docs.command_reference import command_sections
from rcm.cli import app
from rcm.cli.console import Examples
from tests.python.cli.conftest import RCM, in_terminal, rcm

# What Typer raises for a wrong option, value or number of arguments; only a class below it has a public name.
UsageError = BadParameter.__base__ or Exception
ROOT: Any = get_command(app)
COMMANDS: dict[str, Any] = ROOT.commands
EXAMPLES = [
    (name, line)
    for name, command in (("", ROOT), *COMMANDS.items())
    if isinstance(command.epilog, Examples)
    for line, _ in command.epilog.lines
]


def calls(line: str) -> Iterator[list[str]]:
    """The calls of rcm in a line of a shell, without variables set for them."""
    for part in line.split("&&"):
        words = shlex.split(part)
        while re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        assert words[0] == "rcm", line
        yield words[1:]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_help_ends_with_one_to_four_examples(name: str) -> None:
    command = COMMANDS[name] if name else ROOT
    assert isinstance(command.epilog, Examples), f"rcm {name}: give it an epilog of examples()"
    assert 1 <= len(command.epilog.lines) <= 4
    shown = rcm(*([name] if name else []), "--help").stdout
    _, tail = re.split(r"^ Examples *$", shown, maxsplit=1, flags=re.MULTILINE)
    for line, meaning in command.epilog.lines:
        assert f"rcm {name}".strip() in line
        assert line in tail
        assert meaning in tail


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_parses(name: str, line: str) -> None:
    for name, *words in calls(line):
        command = COMMANDS[name]
        # Parsed as the command itself parses: a wrong option, value or number of arguments raises.
        context = command.make_context(name, list(words))
        assert context.args == []


def test_a_wrong_example_would_not_parse() -> None:
    for wrong in ("rcm plan --sorce a", "rcm export kpi", "rcm maintain --retain-days 1"):
        ((name, *words),) = calls(wrong)
        with pytest.raises(UsageError):
            COMMANDS[name].make_context(name, words)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_says_what_it_does_in_one_sentence_first(name: str) -> None:
    command = COMMANDS[name] if name else ROOT
    assert command.help.split("\n\n")[0].strip().endswith(".")


def test_help_fits_a_narrow_terminal() -> None:
    code, shown = in_terminal([str(RCM), "demo", "--help"], columns=80)
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(cell_len(line) for line in plain.splitlines()) <= 80
    assert "RCM_LAKEHOUSE=large rcm demo --patients 20000" in plain


def test_a_misspelt_command_names_the_one_that_was_meant() -> None:
    result = rcm("statuss")
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.stderr


def test_the_page_of_commands_has_every_command_and_example() -> None:
    page = command_sections()
    for name in COMMANDS:
        assert f"### rcm {name}\n" in page
    assert all(line in page for name, line in EXAMPLES if name)
