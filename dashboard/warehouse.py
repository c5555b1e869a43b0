"""The only module that reaches the warehouse: DuckDB's file by default, a Databricks SQL warehouse by setting."""

import re
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import pandas as pd

from ingestion.base.errors import IngestionError, SpecError, WarehouseBusyError
from ingestion.base.settings import Settings

Parameters = Mapping[str, object]
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)\b")
# How long an answer of Databricks is kept: nobody tells the dashboard that a build is over.
_DATABRICKS_SECONDS = 300
_AUDIT_SECONDS = 30
_AUDIT = re.compile(r"\baudit\.")


class NoWarehouseError(IngestionError):
    """There is no warehouse yet."""


class NotBuiltError(IngestionError):
    """The warehouse does not have a relation that is asked for."""


class Warehouse(Protocol):
    """Answers queries, each on a connection of its own."""

    @property
    def name(self) -> str:
        """What is read, for people."""

    def state(self, sql: str) -> str:
        """Changes when the answer of a query may: an answer kept from another state is not shown.

        Raises:
            NoWarehouseError: Nothing was built.
        """

    def rows(self, sql: str, values: Parameters) -> pd.DataFrame:
        """Rows of a query in the portable subset, with ``:name`` parameters.

        Raises:
            NoWarehouseError: Nothing was built.
            NotBuiltError: A relation is missing.
            WarehouseBusyError: A build holds the file.
        """


@dataclass(frozen=True)
class DuckDBWarehouse:
    """The embedded warehouse: opened read-only for one query and closed again, so that a build can have the file."""

    settings: Settings

    @property
    def name(self) -> str:
        """File name."""
        return self.settings.warehouse.name

    def state(self, sql: str) -> str:
        """Place, time and size of the file; of the audit log, which changes with every load, the half minute."""
        path = self._path()
        if _AUDIT.search(sql):
            return f"{path}-{_stretch(_AUDIT_SECONDS)}"
        return f"{path}-{path.stat().st_mtime_ns}-{path.stat().st_size}"

    def rows(self, sql: str, values: Parameters) -> pd.DataFrame:
        """Rows of a query; decimals become floats, exact to the cent up to 90 trillion."""
        path = self._path()
        try:
            with closing(
                self._audit_log() if _AUDIT.search(sql) else duckdb.connect(str(path), read_only=True)
            ) as found:
                return found.execute(_PARAMETER.sub(r"$\1", sql), dict(values)).df()
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise NotBuiltError(_missing(str(error))) from None
        except duckdb.IOException as error:
            if "lock" in str(error):
                raise WarehouseBusyError(f"{self.name} is being built") from None
            raise IngestionError(f"{self.name} cannot be read; restore it, or rcm replay") from None

    def _audit_log(self) -> duckdb.DuckDBPyConnection:
        """The load log without the warehouse, so that a running build can be looked at."""
        from ingestion.bronze.audit import AuditLog

        connection = duckdb.connect(":memory:")
        connection.register("loads", AuditLog(self.settings.lakehouse / "audit").load_table())
        connection.execute("create schema audit; create view audit.load_log as from loads")
        return connection

    def _path(self) -> Path:
        path = self.settings.warehouse
        if not path.is_file():
            raise NoWarehouseError(f"no {path.name} in {path.parent.name}/")
        return path


@dataclass(frozen=True)
class DatabricksWarehouse:
    """A SQL warehouse with Unity Catalog, reached as profiles/profiles.yml says: by environment variables."""

    settings: Settings

    @property
    def name(self) -> str:
        """Catalog."""
        return self.settings.variables.catalog

    def state(self, sql: str) -> str:  # noqa: ARG002 - the same for all
        """The current five minutes."""
        return _stretch(_DATABRICKS_SECONDS)

    def rows(self, sql: str, values: Parameters) -> pd.DataFrame:
        """Rows of a query, parameters bound by the server."""
        from databricks import sql as databricks_sql
        from databricks.sql.exc import Error

        try:
            with (
                databricks_sql.connect(
                    server_hostname=self._setting("DATABRICKS_HOST"),
                    http_path=self._setting("DATABRICKS_HTTP_PATH"),
                    access_token=self._setting("DATABRICKS_TOKEN"),
                    catalog=self.name,
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(sql, dict(values))
                columns = {str(column[0]): str(column[1]).lower() for column in cursor.description or ()}
                answer = pd.DataFrame.from_records(cursor.fetchall(), columns=list(columns))
                return answer.astype({name: kind for name, said in columns.items() if (kind := _kind(said))})
        except Error as error:
            if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
                raise NotBuiltError(_missing(str(error))) from None
            # What the server says of a failure may quote the query; the reader is told where to look.
            raise IngestionError(f"Databricks did not answer ({type(error).__name__}); see its query history") from None

    def _setting(self, variable: str) -> str:
        value = self.settings.resolve(variable)
        if not value:
            raise SpecError([f"environment: {variable} is not set; RCM_TARGET=databricks needs it"])
        return value


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that RCM_TARGET names.

    Raises:
        SpecError: The dashboard does not read that target.
    """
    target = settings.variables.target
    if target == "duckdb":
        return DuckDBWarehouse(settings)
    if target == "databricks":
        return DatabricksWarehouse(settings)
    raise SpecError([f"environment: the dashboard reads RCM_TARGET duckdb or databricks, not {target}"])


def _kind(said: str) -> str | None:
    """The kind of column that DuckDB gives for a type, where a column of Python's own values would differ."""
    kinds = {"decimal": "float64", "double": "float64", "date": "datetime64[us]", "timestamp": "datetime64[us]"}
    return next((kind for name, kind in kinds.items() if said.startswith(name)), None)


def _stretch(seconds: int) -> str:
    return str(int(time.time() // seconds))


def parameters_of(sql: str) -> frozenset[str]:
    """Names of the parameters of a query."""
    return frozenset(_PARAMETER.findall(sql))


def _missing(message: str) -> str:
    """What is missing, in words, of an engine's message."""
    if column := re.search(r"column (?:named )?\"?([\w.]+)", message):
        return f"column {column[1]} is missing; it was built before the dashboard knew that column"
    found = re.search(r"(?:name |view )[`\"]?([\w.`]+)", message)
    return f"{found[1].replace('`', '')} is not built" if found else "a table is not built"
