"""dbt-duckdb plugin: lets DuckDB read bronze Delta tables, here and in Azure, without fetching anything itself."""

from importlib.resources import files
from threading import Lock

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from ingestion.settings import read_settings
from ingestion.storage import Location


def load_delta(connection: duckdb.DuckDBPyConnection, lakehouse: Location | None = None) -> None:
    """Load the signed extensions that the PyPI wheels carry for this very DuckDB version, and sign in.

    Without those wheels DuckDB fetches the extensions itself, which takes a network the first time.

    Args:
        connection: Every other connection to the same database can read then, too.
        lakehouse: Where the Delta tables are; one in Azure takes the azure extension and a sign-in.

    Raises:
        SourceUnavailableError: azure-identity cannot sign in.
    """
    if lakehouse is not None and not lakehouse.is_local:
        _load(connection, "azure")
        sign_in(connection, lakehouse)
    _load(connection, "delta")


def sign_in(connection: duckdb.DuckDBPyConnection, lakehouse: Location) -> None:
    """Give DuckDB the key, the SAS or a fresh token of a lakehouse in Azure, until its process ends.

    Raises:
        SourceUnavailableError: azure-identity cannot sign in, or DuckDB does not take it.
    """
    with lakehouse.told():
        connection.execute(lakehouse.access.duckdb_secret())


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    binary = f"{name}.duckdb_extension"
    try:
        extension = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}" / binary
    except ModuleNotFoundError:
        extension = None
    if extension is not None and extension.is_file():
        connection.execute(f"LOAD '{extension}'")
    else:
        connection.execute(f"INSTALL {name}")
        connection.execute(f"LOAD {name}")


class Plugin(BasePlugin):
    """Named in profiles/profiles.yml."""

    _signing_in = Lock()

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb once per database."""
        load_delta(conn, read_settings().lakehouse)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb before each node: a token would expire in the middle of a long build."""
        lakehouse = read_settings().lakehouse
        if not lakehouse.is_local and lakehouse.access.uses_identity:
            with self._signing_in:
                sign_in(cursor, lakehouse)
