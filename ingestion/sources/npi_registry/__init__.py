"""Kind ``npi_registry``: NPPES, the national registry of providers, by lookups or its monthly dissemination file."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.findings import Finding
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze import Batch
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import connection_value
from ingestion.sources.kind import SourceKind
from ingestion.sources.landing import LandingFile
from ingestion.sources.npi_registry import bulk
from ingestion.sources.npi_registry.numbers import known_numbers, numbers_to_ask
from ingestion.sources.npi_registry.options import RegistryOptions
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request, last_watermark, plan_known_file, plan_whole


class NpiRegistry(SourceKind):
    """The registry, asked for the providers that hospitals have in bronze; so it is loaded after their tables."""

    extractor: ClassVar[str | None] = "npi_registry"
    options: ClassVar[type[Options]] = RegistryOptions
    loads_last: ClassVar[bool] = True

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """Dissemination files that wait, else lookups."""
        batches = bronze_table(settings, table).counted_batches()
        pattern = RegistryOptions.of(table).bulk
        if pattern is not None and (waiting := bulk.waiting_bulk(self.landing(settings, system), pattern)):
            return [_plan_file(system, table, batches, file) for file in waiting]
        if request.full:
            return [plan_whole(system, table, asked=True, watermark_low=last_watermark(batches))]
        if table.load.mode == "full":
            return [plan_whole(system, table, asked=False)]
        days = RegistryOptions.of(table).ask_again_after / timedelta(days=1)
        reason = f"asks for providers' numbers not in bronze yet, and again for those asked {days:g} days ago"
        return [PlannedLoad(system, table, "load", "incremental", reason)]

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """Answers to lookups and searches, or our providers' rows of a dissemination file."""
        table, is_full = planned.table, planned.load_type == "full"
        if planned.file is not None:
            wanted = numbers_to_ask(settings, systems, {}, None)
            if not wanted:
                raise SourceUnavailableError("no provider in bronze has a valid NPI yet; load the providers first")
            return bulk.extract(table, planned.file, wanted, settings.limits)
        # The HTTP client takes a third of a second to import, which only this load should pay for.
        from ingestion.sources.http import cache_file
        from ingestion.sources.npi_registry import lookups

        address = connection_value(settings, planned.system)
        today, known = datetime.now(UTC).date(), known_numbers(settings, table)
        numbers = numbers_to_ask(
            settings, systems, known, None if is_full else today - RegistryOptions.of(table).ask_again_after
        )
        cache = cache_file(settings, address, str(table.load.extractor))
        # Never the complete registry: a provider without an answer was not deleted.
        keep = timedelta(0) if is_full else lookups.KEEP
        return lookups.extract(
            table,
            address,
            numbers,
            "incremental",
            cache,
            keep=keep,
            known=known,
            today=today,
            limits=settings.limits,
        )

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the API answers."""
        from ingestion.sources.http_check import check_address

        yield check_address(system, connection_value(settings, system))

    def problems(self, table: TableSpec) -> Iterator[str]:
        """A schedule of full reads, which the registry does not give."""
        if table.load.full_every is not None:
            yield "load.full_every: has no meaning for the provider registry; remove it"

    def landing(self, settings: Settings, system: SystemSpec) -> Location:
        """The common landing folder: the system's own variable names the API."""
        return settings.location(settings.resolve("RCM_LANDING", "{lakehouse}/landing") or "")

    def patterns(self, table: TableSpec) -> tuple[str, ...]:
        """The pattern of dissemination files."""
        pattern = RegistryOptions.of(table).bulk
        return () if pattern is None else (pattern,)


def _plan_file(system: SystemSpec, table: TableSpec, batches: list[Batch], file: LandingFile) -> PlannedLoad:
    if any(batch.file_sha256 == file.sha256 for batch in batches):
        return plan_known_file(system, table, file, batches, "incremental")
    reason = "dissemination file, in place of the API: keeps the numbers that providers have"
    return PlannedLoad(system, table, "load", "incremental", reason, file=file)


KINDS = (NpiRegistry(),)
