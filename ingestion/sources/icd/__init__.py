"""Kinds ``icd`` and ``icd10_cm``: diagnosis codes from the WHO's ICD API, or CMS's ICD-10-CM, installed or as files."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from ingestion.base.errors import UnreadableFileError
from ingestion.base.findings import Finding, ok
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze import Batch
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import optional_connection_value
from ingestion.sources.icd import installed, releases
from ingestion.sources.icd.options import IcdOptions
from ingestion.sources.kind import SourceKind
from ingestion.sources.landing import LandingFile, waiting_files
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request, plan_known_file


class _Releases(SourceKind):
    """What both kinds do with CMS's order files, each a release of its own."""

    options: ClassVar[type[Options]] = IcdOptions

    def landing(self, settings: Settings, system: SystemSpec) -> Location:
        """The common landing folder: the system's own variable names the API."""
        return settings.location(settings.resolve("RCM_LANDING", "{lakehouse}/landing") or "")

    def patterns(self, table: TableSpec) -> tuple[str, ...]:
        """The pattern of order files."""
        pattern = IcdOptions.of(table).releases
        return () if pattern is None else (pattern,)

    def _plan(
        self, settings: Settings, system: SystemSpec, table: TableSpec, release: str, request: Request
    ) -> list[PlannedLoad]:
        """Order files that wait, and the release that is at hand."""
        batches, landing = bronze_table(settings, table).counted_batches(), self.landing(settings, system)
        waiting = [file for name in self.patterns(table) for file in waiting_files(landing, name)]
        files = [_plan_file(system, table, batches, file) for file in waiting]
        return [*files, _plan_release(system, table, batches, release, full=request.full)]


class InstalledIcd10Cm(_Releases):
    """CMS's ICD-10-CM, which comes with the installation."""

    extractor: ClassVar[str | None] = "icd10_cm"

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """The installed release, unless bronze has it, and order files that wait."""
        return self._plan(settings, system, table, installed.release(), request)

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The codes of an order file, or of the installed table."""
        if planned.file is not None:
            return releases.extract(planned.table, planned.file)
        return installed.extract(planned.table)

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the table is installed, and of which release."""
        yield ok(f"CMS's table that is installed, release {installed.release()}")


class Icd(_Releases):
    """The WHO's ICD API if the system has an address; the installed ICD-10-CM is the fallback."""

    extractor: ClassVar[str | None] = "icd"

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """The declared release, unless bronze has it, and order files that wait."""
        if optional_connection_value(settings, system) is None:
            return _INSTALLED.plan(settings, system, table, request)
        return self._plan(settings, system, table, IcdOptions.of(table).release, request)

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The categories of the release."""
        address = optional_connection_value(settings, planned.system)
        if address is None or planned.file is not None:
            return _INSTALLED.open(settings, planned, systems)
        # The HTTP client takes a third of a second to import, which only this load should pay for.
        from ingestion.sources.http import cache_file
        from ingestion.sources.icd import access, who

        cache = cache_file(settings, address, str(planned.table.load.extractor))
        return who.extract(planned.table, access.icd_access(settings, address), cache, settings.limits)

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


def _plan_release(
    system: SystemSpec, table: TableSpec, batches: list[Batch], release: str, *, full: bool
) -> PlannedLoad:
    """A release is read once: it does not change."""
    if any(batch.watermark_high == release for batch in batches) and not full:
        reason = f"skipped: release {release} is in bronze; --full reads it again"
        return PlannedLoad(system, table, "nothing", "incremental", reason, is_current=True)
    reason = f"release {release} again, as --full asks" if full else f"release {release}, which bronze does not hold"
    return PlannedLoad(system, table, "load", "incremental", f"reads {reason}")


def _plan_file(system: SystemSpec, table: TableSpec, batches: list[Batch], file: LandingFile) -> PlannedLoad:
    if any(batch.file_sha256 == file.sha256 for batch in batches):
        return plan_known_file(system, table, file, batches, "incremental")
    try:
        reason = f"release {releases.release_of(file)} of ICD-10-CM, beside the others"
    except UnreadableFileError as error:
        # The other releases are loaded all the same.
        return PlannedLoad(system, table, "blocked", "incremental", "cannot be planned", file=file, error=error)
    return PlannedLoad(system, table, "load", "incremental", reason, file=file)


_INSTALLED = InstalledIcd10Cm()
KINDS = (Icd(), _INSTALLED)
