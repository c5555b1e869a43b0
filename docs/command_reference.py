"""The part of docs/command-line.md that repeats what the commands declare."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text
from typer.main import get_command

from rcm.cli import app
from rcm.cli.console import Examples
from rcm.doctor import CHECKS


def command_sections() -> str:
    """Return a section per group of commands, in it one per command: purpose, options, examples."""
    commands: Mapping[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    parts = []
    # Python's groupby wants its groups together, and commands of one panel may stand in several modules.
    for panel in dict.fromkeys(command.rich_help_panel for command in commands.values()):
        parts.append(f"## {panel or 'Other commands'}")
        parts += [
            command_section(name, command) for name, command in commands.items() if command.rich_help_panel == panel
        ]
    return "\n\n".join(parts)


def command_section(name: str, command: Any) -> str:  # noqa: ANN401 - Typer's own class is not public
    """Return one command's purpose, arguments and options, and examples."""
    parts = [f"### rcm {name}", plain(command.help)]
    rows = [parameter_row(parameter) for parameter in command.params if parameter.name != "project_dir"]
    if rows:
        parts.append(table(("argument or option", "meaning"), rows))
    if isinstance(command.epilog, Examples):
        width = max(len(line) for line, _ in command.epilog.lines)
        shown = "\n".join(f"{line.ljust(width)}  # {meaning}" for line, meaning in command.epilog.lines)
        parts.append(f"```bash\n{shown}\n```")
    if name == "doctor":
        parts.append(table(("check", "looks at"), [(check.name, check.looks_at) for check in CHECKS]))
    return "\n\n".join(parts)


def parameter_row(parameter: Any) -> tuple[str, str]:  # noqa: ANN401 - Typer's own class is not public
    """Return how an argument or option is written, and what it means with its default."""
    is_argument = parameter.param_type_name == "argument"
    given = parameter.metavar or "N"
    value = "" if is_argument or parameter.is_flag else f" {given}"
    written = f"`{given}`" if is_argument else ", ".join(f"`{option}{value}`" for option in parameter.opts)
    meaning = plain(parameter.help)
    if parameter.required and not is_argument:
        meaning += " Always to be given."
    elif isinstance(parameter.default, int) and not parameter.is_flag:
        meaning += f" Default: {parameter.default}."
    return written, meaning


def plain(markup: str | None) -> str:
    """Return a help text without the terminal's markup, on one line per paragraph."""
    paragraphs = Text.from_markup(markup or "").plain.split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def table(header: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    """Return a Markdown table of two columns."""
    lines = [header, ("---", "---"), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
