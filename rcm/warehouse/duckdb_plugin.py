"""dbt-duckdb plugin: lets DuckDB read bronze Delta tables, here and in Azure, without fetching anything itself."""

import os
import stat
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from ingestion.base.errors import IngestionError, SpecError
from ingestion.base.messages import without_values
from ingestion.base.settings import Settings, read_settings
from ingestion.base.storage import Location
from rcm.warehouse.phi_key import phi_key_pads


def load_delta(connection: duckdb.DuckDBPyConnection, lakehouse: Location | None = None) -> None:
    """Load the signed extensions that the PyPI wheels carry for this very DuckDB version, and sign in.

    Without those wheels DuckDB downloads the extensions itself, which needs a network the first time.

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
    with lakehouse.storage_errors():
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

    def initialize(self, plugin_config: dict[str, Any]) -> None:  # noqa: ARG002 - dbt-duckdb's
        """Called by dbt-duckdb before the database is opened, also for a plain ``dbt build``."""
        _close_to_others(read_settings())
        DuckDBCursorWrapper.execute = _execute  # type: ignore[method-assign]

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb once per database."""
        load_delta(conn, read_settings().lakehouse)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb before each node: a token would expire in the middle of a long build."""
        settings = read_settings()
        lakehouse = settings.lakehouse
        if not lakehouse.is_local and lakehouse.access.uses_identity:
            with self._signing_in:
                sign_in(cursor, lakehouse)
        # Read by macros/cross_db/keyed_hash.sql. A variable lives as long as its session and is written nowhere.
        try:
            inner, outer = phi_key_pads(settings)
        except (IngestionError, SpecError) as error:
            raise DbtRuntimeError(str(error)) from None
        cursor.execute("set variable rcm_phi_inner = ?", [inner])
        cursor.execute("set variable rcm_phi_outer = ?", [outer])


def _close_to_others(settings: Settings) -> None:
    """Restrict the lakehouse, the warehouse and dbt's logs and compiled files to their owner, existing and new ones.

    dbt makes its folders before it asks for the first plugin, so a mask for new files is not enough.
    """
    from dbt.flags import get_flags

    os.umask(0o077)
    flags = get_flags()  # type: ignore[no-untyped-call]
    folders = [Path(flags.LOG_PATH), settings.project_dir / (flags.TARGET_PATH or "target")]
    folders += [settings.lakehouse.local] if settings.lakehouse.is_local else []
    files = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file()]
    for path in (*folders, *files, settings.warehouse):
        if path.exists() and path.stat().st_uid == os.getuid() and not path.stat().st_mode & stat.S_ISVTX:
            path.chmod(0o700 if path.is_dir() else 0o600)


def _execute(wrapper: DuckDBCursorWrapper, sql: str, bindings: object = None) -> object:
    """Run a statement; DuckDB's error message goes into logs and target/, so it must not quote data."""
    try:
        return wrapper._cursor.execute(sql) if bindings is None else wrapper._cursor.execute(sql, bindings)
    except (duckdb.Error, RuntimeError) as error:
        raise DbtRuntimeError(without_values(str(error))) from None
