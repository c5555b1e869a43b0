"""A kind of source of its own: lists of codes from a JSON API that gives them page by page."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from ingestion.base.findings import Finding
from ingestion.base.settings import Settings
from ingestion.bronze.extraction import Extraction
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import connection_value
from ingestion.sources.kind import SourceKind
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request, plan_whole


class CodeListOptions(Options):
    """Which list is read.

    Attributes:
        list: Its name in the API.
        page_rows: Codes a page.
    """

    list: str
    page_rows: int = 100


class CodeLists(SourceKind):
    """Every load reads a whole list; it is committed if it differs."""

    extractor: ClassVar[str | None] = "code_lists"
    options: ClassVar[type[Options]] = CodeListOptions

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        return [plan_whole(system, table, asked=request.full)]

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        from tests.python.ingestion.code_lists.pages import extract

        options = CodeListOptions.of(planned.table)
        address = f"{connection_value(settings, planned.system)}/lists/{options.list}"
        return extract(planned.table, address, options.page_rows)

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        from ingestion.sources.http_check import check_address

        yield check_address(system, connection_value(settings, system))


KINDS = (CodeLists(),)
