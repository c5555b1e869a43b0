"""Kind ``database``: source tables read inside a watermark window, from SQLite, PostgreSQL and SQL Server."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from ingestion.base.findings import Finding, ok, problem
from ingestion.base.settings import Settings
from ingestion.bronze.extraction import Extraction
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import connection_value
from ingestion.sources.database import planning
from ingestion.sources.database.address import is_adbc_address, is_odbc_address
from ingestion.sources.database.options import DatabaseOptions
from ingestion.sources.kind import SourceKind
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request


class Database(SourceKind):
    """A hospital's own database, or a replica of it."""

    kind: ClassVar[str] = "database"
    options: ClassVar[type[Options]] = DatabaseOptions
    reads_ranges: ClassVar[bool] = True

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """One load, from the watermark of the last one."""
        return [planning.plan(settings, system, table, request)]

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The rows of the planned window."""
        # Drivers take a quarter of a second to import, which only loads and checks should pay for.
        from ingestion.sources.database.reading import extract

        return extract(planned.table, connection_value(settings, planned.system), planned.window)

    def place(self, table: TableSpec) -> object:
        """The table or view, however it is quoted, and with or without the schema that is meant where none is."""
        parts = [part.strip('"[]` ').casefold() for part in DatabaseOptions.of(table).source_object.split(".")]
        return *(part for part in parts[:-1] if part not in ("main", "public", "dbo")), parts[-1]

    def follow_up(self, settings: Settings, system: SystemSpec, table: TableSpec) -> PlannedLoad | None:
        """The full read that a count of the source's rows shows to be due before its time."""
        if table.load.full_every is None or table.load.mode != "incremental":
            return None
        from ingestion.sources.database.counting import plan_early_read

        return plan_early_read(settings, system, table)

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the login works and can read the declared tables."""
        from ingestion.sources.database.reading import open_database

        # The doctor limits the time of a check, so a failed login is not retried.
        with open_database(connection_value(settings, system), 0.0) as source:
            names = [DatabaseOptions.of(table).source_object for table in tables]
            missing = [name for name in names if not source.columns(name)]
            if missing:
                yield problem(
                    f"{source.shown}: has no table {', '.join(missing)} for this login",
                    "let the login read it, or correct load.object",
                )
            else:
                yield ok(f"{source.shown}: login works, {len(tables)} tables can be read")

    def problems(self, table: TableSpec) -> Iterator[str]:
        """An increment without a watermark."""
        if table.load.mode == "incremental" and table.load.watermark is None:
            yield "load.watermark: is missing; an incremental load needs the column that says when a row changed"

    def extras(self, settings: Settings, system: SystemSpec) -> Iterator[str]:
        """Drivers of a database server."""
        address = connection_value(settings, system)
        if is_adbc_address(address):
            yield "postgresql"
        elif is_odbc_address(address):
            yield "odbc"


KINDS = (Database(),)
