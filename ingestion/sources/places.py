"""Where sources are: landing folders, addresses of databases and APIs, releases of code systems."""

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.codes import icd, icd10_cm

# Extractors that read one release of a code system, and read it once.
RELEASES = ("icd", "icd10_cm")


def landing_folder(settings: Settings, system: SystemSpec) -> Location:
    """Landing folder of a system of files."""
    return settings.location(connection_value(settings, system))


def connection_value(settings: Settings, system: SystemSpec) -> str:
    """URL or folder of a system.

    Raises:
        SourceUnavailableError: Its variable is not set and has no default.
    """
    value = settings.resolve(system.connection.env, system.connection.default)
    if value is None:
        raise SourceUnavailableError(f"{system.connection.env} is not set; set it to the URL of {system.label}")
    return value


def release_of(settings: Settings, system: SystemSpec, table: TableSpec) -> str:
    """Release of the diagnosis codes that a load would bring."""
    return icd10_cm.release() if is_installed(settings, system, table) else table.load.release or icd.DEFAULT_RELEASE


def is_installed(settings: Settings, system: SystemSpec, table: TableSpec) -> bool:
    """Whether diagnoses come from CMS's table that is installed, because no address of the WHO's API is set."""
    address = settings.resolve(system.connection.env, system.connection.default)
    return table.load.extractor == "icd10_cm" or (table.load.extractor == "icd" and address is None)


def bulk_folder(settings: Settings) -> Location:
    """Landing folder in which the dissemination file of the provider registry waits."""
    return settings.location(settings.resolve("RCM_LANDING", "{lakehouse}/landing") or "")
