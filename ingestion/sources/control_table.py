"""The control table, validated by every kind of source there is."""

from collections.abc import Mapping
from pathlib import Path

from ingestion.declared import control_table
from ingestion.declared.control_table import ControlTable
from ingestion.declared.specs import SystemSpec
from ingestion.sources.registry import registry


def read_control_table(
    project_dir: Path, bronze_dir: Path, environment: Mapping[str, str] | None = None
) -> ControlTable:
    """Read and validate the control table; a system with a problem is left out, so that the others load.

    Args:
        project_dir: Folder of dbt_project.yml.
        bronze_dir: Folder of the YAML; relative to the project or absolute.
        environment: Variables that name the engine and the addresses of sources; none by default.

    Raises:
        SpecError: An installed package offers a kind of source that cannot be used.
    """
    return control_table.read_control_table(project_dir, bronze_dir, registry(), environment)


def load_systems(project_dir: Path, bronze_dir: Path) -> tuple[SystemSpec, ...]:
    """The systems of a control table without a problem.

    Raises:
        SpecError: Every problem found, one line each.
    """
    return control_table.load_systems(project_dir, bronze_dir, registry())
