"""Kinds ``icd`` and ``icd10_cm``: diagnosis codes from the WHO's ICD API, or the ICD-10-CM table that is installed."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from ingestion.base.findings import Finding, ok
from ingestion.base.settings import Settings
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import optional_connection_value
from ingestion.sources.icd import installed
from ingestion.sources.icd.options import IcdOptions
from ingestion.sources.kind import SourceKind
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request


class InstalledIcd10Cm(SourceKind):
    """CMS's ICD-10-CM, which comes with the installation."""

    extractor: ClassVar[str | None] = "icd10_cm"

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """The installed release, unless bronze has it."""
        return [_plan_release(settings, system, table, installed.release(), full=request.full)]

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The codes of the installed table."""
        return installed.extract(planned.table)

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the table is installed, and of which release."""
        yield ok(f"CMS's table that is installed, release {installed.release()}")


class Icd(SourceKind):
    """The WHO's ICD API if the system has an address; the installed ICD-10-CM is the fallback."""

    extractor: ClassVar[str | None] = "icd"
    options: ClassVar[type[Options]] = IcdOptions

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """The declared release, unless bronze has it."""
        if optional_connection_value(settings, system) is None:
            return _INSTALLED.plan(settings, system, table, request)
        return [_plan_release(settings, system, table, IcdOptions.of(table).release, full=request.full)]

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The categories of the release."""
        address = optional_connection_value(settings, planned.system)
        if address is None:
            return _INSTALLED.open(settings, planned, systems)
        # The HTTP client takes a third of a second to import, which only this load should pay for.
        from ingestion.sources.http import cache_file
        from ingestion.sources.icd import access, who

        cache = cache_file(settings, address, str(planned.table.load.extractor))
        return who.extract(planned.table, access.icd_access(settings, address), cache)

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the API answers and gives a token."""
        address = optional_connection_value(settings, system)
        if address is None:
            yield from _INSTALLED.check(settings, system, tables)
            return
        from ingestion.sources.http_check import check_address
        from ingestion.sources.icd import access

        answered = check_address(system, address)
        yield answered if answered.state != "ok" else access.check_login(settings, address)


def _plan_release(settings: Settings, system: SystemSpec, table: TableSpec, release: str, *, full: bool) -> PlannedLoad:
    """A release is read once: it does not change."""
    batches = bronze_table(settings, table).batches()
    if batches and batches[0].watermark_high == release and not full:
        reason = f"skipped: release {release} is in bronze; --full reads it again"
        return PlannedLoad(system, table, "nothing", "full", reason, is_current=True)
    reason = f"release {release} again, as --full asks" if full else f"release {release}, which bronze does not hold"
    return PlannedLoad(system, table, "load", "full", f"reads {reason}")


_INSTALLED = InstalledIcd10Cm()
KINDS = (Icd(), _INSTALLED)
