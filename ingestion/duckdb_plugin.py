"""dbt-duckdb plugin: loads DuckDB's delta extension, so that dbt reads bronze Delta tables without a network."""

from importlib.resources import files

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin


def load_delta(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the signed delta extension that the PyPI wheel carries for this very DuckDB version."""
    extension = files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
    connection.execute(f"LOAD '{extension}'")


class Plugin(BasePlugin):
    """Named in profiles/profiles.yml."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb once per database."""
        load_delta(conn)
