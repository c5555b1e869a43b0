"""dbt-duckdb plugin: loads DuckDB's delta extension, so that dbt reads bronze Delta tables without a network."""

from importlib.resources import files

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin


def load_delta(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the signed delta extension that the PyPI wheel carries for this very DuckDB version.

    Without that wheel DuckDB fetches the extension itself, which takes a network the first time.
    """
    try:
        extension = files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
    except ModuleNotFoundError:
        extension = None
    if extension is not None and extension.is_file():
        connection.execute(f"LOAD '{extension}'")
    else:
        connection.execute("INSTALL delta")
        connection.execute("LOAD delta")


class Plugin(BasePlugin):
    """Named in profiles/profiles.yml."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb once per database."""
        load_delta(conn)
