"""DuckDB as Great Expectations can use it: duckdb-engine's dialect without what breaks between the two."""

from typing import Any

import duckdb_engine
from sqlalchemy.dialects import registry
from sqlalchemy.engine import Connection
from sqlalchemy.types import UserDefinedType

URL = "duckdb+border:///:memory:border?autoinstall_known_extensions=false&autoload_known_extensions=false"


class DeclaredType(UserDefinedType[Any]):
    """A column type as DuckDB writes it, precision and scale included."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        """The type in SQL."""
        return self.name


class _AlwaysQuoted(duckdb_engine.DuckDBIdentifierPreparer):
    """Quotes every name: DuckDB reserves other words than PostgreSQL, whose list would be asked."""

    def __init__(self, dialect: Any, **options: Any) -> None:  # noqa: ANN401 - as the base class has it
        super().__init__(dialect, **options)
        # psycopg2's habit; DuckDB would look for a column with two percent signs.
        self._double_percents = False

    def _requires_quotes(self, _value: str) -> bool:
        return True


class BorderDialect(duckdb_engine.Dialect):
    """Reads views of Parquet files, without transactions.

    Great Expectations fetches a result after it gave its connection back; the rollback of that would empty the result
    in DuckDB. Nothing is written here but views, so there is nothing to roll back.
    """

    supports_statement_cache = True
    preparer = _AlwaysQuoted

    def do_begin(self, connection: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Nothing: there are no transactions."""

    def do_commit(self, dbapi_connection: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Nothing: there are no transactions."""

    def do_rollback(self, connection: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Nothing: there are no transactions."""

    def get_columns(  # type: ignore[override]
        self, connection: Connection, table_name: str, *_: object, **__: object
    ) -> list[dict[str, Any]]:
        """Columns of a view with their exact types, which the inherited reflection does not find."""
        name = self.identifier_preparer.quote(table_name)
        described = connection.exec_driver_sql(f"describe {name}").fetchall()
        return [{"name": row[0], "type": DeclaredType(row[1]), "nullable": True, "default": None} for row in described]

    def get_pk_constraint(self, *_: object, **__: object) -> dict[str, Any]:  # type: ignore[override]
        """A view of a file has no key."""
        return {"constrained_columns": [], "name": None}


registry.register("duckdb.border", __name__, BorderDialect.__name__)
