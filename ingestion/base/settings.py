"""The only module that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from ingestion.base.errors import SpecError
from ingestion.base.limits import GIB, MIB, Limits
from ingestion.base.secret_store import reveal
from ingestion.base.storage import Location
from ingestion.base.variables import Variables


@dataclass(frozen=True)
class Settings:
    """Where things are, and the values of the variables that the control table names.

    Args:
        project_dir: Folder of dbt_project.yml; relative paths in the environment start here.
        control_table: RCM_BRONZE as it is written; also its key in ``vars.systems``.
        lakehouse: Folder of landing/, bronze/ and audit/, here or in Azure.
        warehouse: DuckDB file that dbt builds.
        values: Environment variables by name; never shown.
    """

    project_dir: Path
    control_table: str
    lakehouse: Location
    warehouse: Path
    values: Mapping[str, str] = field(repr=False)

    @property
    def bronze_dir(self) -> Path:
        """Folder of the control-table YAML."""
        return self.project_dir / self.control_table

    @property
    def sources(self) -> Path:
        """Folder of the simulated sources."""
        return self.warehouse.parent / "sources"

    @cached_property
    def variables(self) -> Variables:
        """The project's own variables, typed.

        Raises:
            SpecError: A value has the wrong type.
        """
        return Variables.of(self.values)

    @property
    def limits(self) -> Limits:
        """Bounds on data that comes in."""
        given = self.variables
        return Limits(given.max_file_gb * GIB, given.max_expansion, given.max_answer_mb * MIB)

    @property
    def uses_duckdb(self) -> bool:
        """True where dbt builds the embedded warehouse that the reports read."""
        return self.variables.target == "duckdb"

    def resolve(self, variable: str, default: str | None = None) -> str | None:
        """Value of a connection variable, or its default, with ``{lakehouse}`` and ``secret://NAME`` replaced.

        Raises:
            SecretError: There is no such secret.
        """
        value = self.values.get(variable) or default
        return reveal(value.replace("{lakehouse}", self.lakehouse.url), self.values) if value else None

    def location(self, text: str) -> Location:
        """A folder or file: a URL, or a path in the project."""
        return Location.parse(text, self.project_dir, self.lakehouse.connection)

    def with_values(self, values: Mapping[str, str]) -> "Settings":
        """The same settings with some variables replaced, for instance by the URLs of an API stub."""
        return replace(self, values={**self.values, **values})


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment: the project is the working directory, or the checkout this package is in.

    Raises:
        SpecError: No dbt_project.yml in either, or a variable has the wrong type.
    """
    candidates = [Path.cwd(), Path(__file__).resolve().parents[2]]
    project_dir = next((folder for folder in candidates if (folder / "dbt_project.yml").is_file()), None)
    if project_dir is None:
        raise SpecError([f"{candidates[0]}: no dbt_project.yml here; run rcm from the repository root"])
    variables = Variables.of(environment)
    place, connection = variables.lakehouse, variables.storage_connection
    lakehouse = Location.parse(place, project_dir, reveal(connection, environment) if connection else None)
    if lakehouse.is_local and lakehouse.local.exists() and lakehouse.is_missing_folder:
        raise SpecError([f"environment: RCM_LAKEHOUSE: {lakehouse} is no folder; name another place"])
    beside = place if lakehouse.is_local else "lakehouse"
    return Settings(
        project_dir=project_dir,
        control_table=variables.bronze,
        lakehouse=lakehouse,
        warehouse=project_dir / (variables.warehouse or f"{beside}/warehouse.duckdb"),
        values={name: value for name, value in environment.items() if value},
    )


def shown_url(url: str) -> str:
    """A URL without user, password and query, fit for messages and logs."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
