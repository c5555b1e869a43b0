"""Tells dbt which systems a build must do without, so that one hospital's mistake is not everybody's.

A system whose declaration is broken is not staged: its earlier rows stay as they were last built, and every other
system is built. ``macros/bronze/listed_systems.sql`` reads the variable; ``dbt_rcm.py`` sets it for every dbt command
that builds, of ``rcm`` or by itself.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ingestion.declared.control_table import ControlTable
from ingestion.sources.control_table import read_control_table

VARIABLE = "RCM_LEFT_OUT"
# The test by which a plain dbt build fails; it says nothing of the systems that were built.
TEST = "assert_every_listed_system_is_built"
_DECIDED: ContextVar[ControlTable | None] = ContextVar("control table of this build", default=None)
# dbt commands that write models; others must see the project as it is.
BUILDING = ("build", "run", "seed", "snapshot", "test", "retry")


def leave_out_of_this_build(project_dir: Path) -> None:
    """Read the control table, name what is wrong with it, and hide from dbt what dbt cannot read.

    Args:
        project_dir: Folder of dbt_project.yml, which is the working directory.
    """
    control = _DECIDED.get()
    if control is None:
        folder = os.environ.get("RCM_BRONZE") or "models/bronze"
        control = read_control_table(project_dir, Path(folder), os.environ)
    set_variable(",".join(control.not_built))
    for line in control.problems:
        _report(line)
    for name in control.not_built:
        _report(f"{name} is left out of this build: its numbers stay as they were last built")
    _hide([path.relative_to(project_dir) for path in control.unreadable if path.is_relative_to(project_dir)])


@contextmanager
def decided(control: ControlTable) -> Iterator[None]:
    """Builds in this context follow a control table that was read already: dbt does not see all of the variables."""
    token = _DECIDED.set(control)
    try:
        yield
    finally:
        _DECIDED.reset(token)


def set_variable(names: str) -> None:
    """Set the variable for the running invocation, which copied the environment before its plugins were asked."""
    from dbt_common.context import get_invocation_context

    os.environ[VARIABLE] = names
    environment: Any = get_invocation_context().env
    environment[VARIABLE] = names


def _report(line: str) -> None:
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.functions import fire_event
    from dbt_common.events.types import Note

    fire_event(Note(msg=line), level=EventLevel.ERROR)


def _hide(files: Sequence[Path]) -> None:
    """Files that would keep dbt from reading the project, as if .dbtignore named them."""
    import pathspec
    from dbt.parser import read_files

    named: Callable[[str], pathspec.PathSpec | None] = getattr(
        read_files.generate_dbt_ignore_spec, "of_the_project", read_files.generate_dbt_ignore_spec
    )

    def with_unreadable(project_root: str) -> "pathspec.PathSpec | None":
        found = named(project_root)
        hidden = pathspec.PathSpec.from_lines("gitwildmatch", [f"/{path.as_posix()}" for path in files])
        return hidden if found is None else pathspec.PathSpec([*found.patterns, *hidden.patterns])

    with_unreadable.of_the_project = named  # type: ignore[attr-defined]
    read_files.generate_dbt_ignore_spec = with_unreadable if files else named
