"""Opens the source of a planned load: the extractor that fits, with the address and the numbers it needs."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from ingestion.base.errors import SchemaDriftError, SourceUnavailableError
from ingestion.base.settings import Settings
from ingestion.bronze import BronzeTable
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources import database, files
from ingestion.sources.codes import icd, icd10_cm
from ingestion.sources.http import LOOPBACK
from ingestion.sources.places import RELEASES, connection_value, is_installed
from ingestion.sources.planned import PlannedLoad
from ingestion.sources.providers import npi_bulk, npi_registry

WHO_TOKEN_URL = "https://icdaccessmanagement.who.int/connect/token"  # noqa: S105 - an address


def open_source(
    settings: Settings, systems: Sequence[SystemSpec], planned: PlannedLoad, *, full: bool
) -> AbstractContextManager[Extraction]:
    """The extraction of one planned load.

    Args:
        settings: Where sources and bronze are.
        systems: All systems: the provider registry is asked for the numbers of all their providers.
        planned: What to read.
        full: Ask the provider registry for every number again.

    Raises:
        IngestionError: The source cannot be reached or read.
    """
    table = planned.table
    if table.kind == "files" and planned.file is not None:
        return files.extract(table, planned.file)
    if table.load.extractor == "npi_registry" and planned.file is not None:
        wanted = _numbers_to_ask(settings, systems, table, full=True)
        if not wanted:
            raise SourceUnavailableError("no provider in bronze has a valid NPI yet; load the providers first")
        return npi_bulk.extract(table, planned.file, wanted)
    if table.load.extractor in RELEASES and is_installed(settings, planned.system, table):
        return icd10_cm.extract(table)
    address = connection_value(settings, planned.system)
    if table.kind == "database":
        return database.extract(table, address, planned.window)
    cache = _cache(settings, address, str(table.load.extractor))
    if table.load.extractor == "icd":
        return icd.extract(table, _icd_access(settings, address), cache)
    numbers = _numbers_to_ask(settings, systems, table, full=full)
    # Never the whole registry: a provider that it did not answer for is not one that went.
    keep = timedelta(0) if full else npi_registry.KEEP
    return npi_registry.extract(table, address, numbers, "incremental", cache, keep=keep)


def _cache(settings: Settings, address: str, name: str) -> Path | None:
    """File that keeps an API's good answers, so that a run that was killed asks only the rest.

    A server on this machine is a stand-in with another port each time: nothing would be found again.
    """
    if urlsplit(address).hostname in LOOPBACK:
        return None
    return settings.warehouse.parent / "cache" / f"{name}.sqlite"


def _icd_access(settings: Settings, base_url: str) -> icd.Access:
    client_id, secret = settings.resolve("RCM_ICD_CLIENT_ID"), settings.resolve("RCM_ICD_CLIENT_SECRET")
    if client_id is None or secret is None:
        raise SourceUnavailableError(
            "RCM_ICD_CLIENT_ID and RCM_ICD_CLIENT_SECRET are not set; get them at icd.who.int/icdapi, "
            "or set active: false"
        )
    return icd.Access(base_url, settings.resolve("RCM_ICD_TOKEN_URL", WHO_TOKEN_URL) or "", client_id, secret)


def _numbers_to_ask(settings: Settings, systems: Sequence[SystemSpec], table: TableSpec, *, full: bool) -> list[str]:
    """Valid NPIs of every system's providers; with --full all of them, else those that bronze does not have."""
    held = _column_values(bronze_table(settings, table), "npi")
    wanted: set[str] = set()
    for system in systems:
        for providers in system.tables:
            expression = providers.column_map.get("npi")
            if providers.name == "providers" and expression is not None:
                wanted.update(npi_registry.valid_numbers(_column_values(bronze_table(settings, providers), expression)))
    return sorted(wanted if full else wanted.difference(held.to_pylist()))


def _column_values(bronze: BronzeTable, expression: str) -> pa.Array:
    """Distinct values of one column, or of one SQL expression of the control table's map, as text."""
    delta = bronze.open()
    if delta is None:
        return pa.array([], pa.string())
    with duckdb.connect(":memory:") as engine:
        engine.register("held", pa.RecordBatchReader.from_stream(delta.scan(list(bronze.table.column_names))))
        try:
            values = engine.execute(f"select distinct cast(({expression}) as varchar) as value from held")
            return pa.table(values.to_arrow_table()).column("value").combine_chunks()
        except duckdb.Error:
            raise SchemaDriftError(
                f"map.npi of {bronze.table.label} is no column or SQL expression over its columns; correct it"
            ) from None
